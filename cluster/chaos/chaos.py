"""A cluster of real processes on this machine, put together by hand with mutual TLS, for the scripts beside this file."""
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def executable(given):
    """The `lockstep` to test: the given one, else the release build of this checkout, else the one in PATH."""
    own = os.path.join(HERE, "..", "..", ".build", "release", "lockstep")
    path = given or (own if os.path.exists(own) else shutil.which("lockstep"))
    if not path or not os.path.exists(path):
        sys.exit("no lockstep executable: build one with 'swift build -c release', or give --lockstep PATH")
    return os.path.abspath(path)


def job(name):
    return os.path.join(HERE, name)


class Failure(Exception):
    """The cluster did not do what it must."""


class Process:
    """A process whose lines are kept, with the time at which each came."""

    def __init__(self, arguments, directory, name):
        self.name = name
        self.started = time.monotonic()
        self.output, self.errors = queue.Queue(), []
        self.process = subprocess.Popen(
            arguments, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace", bufsize=1)
        self.readers = [
            threading.Thread(target=self._read, args=(self.process.stdout, self.output.put), daemon=True),
            threading.Thread(target=self._read, args=(self.process.stderr, self.errors.append), daemon=True)]
        for reader in self.readers:
            reader.start()

    @staticmethod
    def _read(stream, take):
        for line in stream:
            take((time.monotonic(), line.rstrip("\n")))

    @property
    def is_running(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.is_running:
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def wait(self, limit):
        """Its exit status, once all that it wrote is read."""
        try:
            status = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {limit} s; its last lines:\n{self.last_lines()}")
        for reader in self.readers:
            reader.join(5)
        return status

    def last_lines(self, count=15):
        return "\n".join("    " + line for _, line in self.errors[-count:])

    def line(self, text, limit, after=0.0):
        """Time and text of the first line of standard error with `text` in it that came later than `after`."""
        deadline, index = time.monotonic() + limit, 0
        while True:
            while index < len(self.errors):
                at, line = self.errors[index]
                index += 1
                if at > after and text in line:
                    return at, line
            if time.monotonic() > deadline or not self.is_running and index == len(self.errors):
                raise Failure(f"{self.name} never said \"{text}\"; its last lines:\n{self.last_lines()}")
            time.sleep(0.002)


class Cluster:
    """An authority, a coordinator, and workers that come and go."""

    def __init__(self, lockstep, directory, job, names, options=()):
        self.lockstep, self.directory, self.job = lockstep, directory, job
        self.run_directory = os.path.join(directory, "run")
        self.workers = {}
        self.last_step = 0
        self.step_at = time.monotonic()
        self.run("identity", "create", "--cluster", "chaos", "--directory", "authority")
        self.issue("coordinator", "c0")
        for name in names:
            self.issue("worker", name)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{probe.getsockname()[1]}"
        self.options = list(options)
        self.coordinator = None
        self.start_coordinator()

    def issue(self, role, name):
        self.run(
            "identity", "issue", "--authority", "authority", "--role", role, "--name", name, "--directory", name)

    def run(self, *arguments, expected=0):
        """Runs a command to its end."""
        done = subprocess.run(
            [self.lockstep, *arguments], cwd=self.directory, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != expected:
            raise Failure(
                f"lockstep {' '.join(arguments)}: exit status {done.returncode}\n{done.stdout[-2000:]}"
                f"{done.stderr[-2000:]}")
        return done.stdout

    def start_coordinator(self):
        self.coordinator = Process(
            [self.lockstep, "coordinator", self.job, "--listen", self.address, "--identity", "c0", "--run-directory",
             self.run_directory, "--json", *self.options], self.directory, "the coordinator")
        self.coordinator.line("listening on ", 30)

    def start_worker(self, name):
        self.workers[name] = Process(
            [self.lockstep, "worker", "--join", self.address, "--identity", name, "--threads", "1"], self.directory,
            name)
        return self.workers[name]

    @property
    def living(self):
        return sorted(name for name, process in self.workers.items() if process.is_running)

    def events(self, timeout):
        """The coordinator's events that have come, at least one where one comes in time: pairs of time and object."""
        found = []
        while True:
            try:
                at, line = self.coordinator.output.get(timeout=0 if found else timeout)
            except queue.Empty:
                return found
            event = json.loads(line)
            if event.get("event") == "step":
                self.last_step, self.step_at = event["step"], at
            found.append((at, event))

    def wait_for_step(self, step, limit):
        """When the step was reported."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            for at, event in self.events(0.05):
                if event.get("event") == "step" and event["step"] >= step:
                    return at
            if not self.coordinator.is_running:
                break
        raise Failure(
            f"step {step} was not done within {limit} s; the coordinator's last lines:\n"
            f"{self.coordinator.last_lines()}")

    def end(self):
        """Kills what is left."""
        for process in [*self.workers.values(), self.coordinator]:
            if process:
                process.kill()

    def log(self):
        with open(os.path.join(self.run_directory, "logs", "coordinator.log"), errors="replace") as file:
            return file.read().splitlines()


def processes_in(directory):
    """The numbers of the processes that run in a directory."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{name}/cwd") == os.path.realpath(directory):
                found.append(int(name))
        except OSError:
            pass
    return found
