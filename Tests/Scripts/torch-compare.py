"""Trains the models of Tests/Fixtures/PyTorch with `lockstep` and with PyTorch, step by step, and moves weights both ways.

    swift build -c release
    python Tests/Scripts/torch-compare.py .build/release/lockstep       # with torch 2.13, safetensors and numpy

For each of the jobs there: the losses of all steps beside PyTorch's, from the same weights and the same samples in the
same order; then `load_state_dict(strict=True)` of the last snapshot into a new model, and the loss of that model on all
samples beside `lockstep evaluate`. Then snapshots into nn.LSTM, nn.GRU, nn.MultiheadAttention,
nn.TransformerEncoderLayer and nn.BatchNorm2d alone.
"""
import glob, importlib.util, json, os, subprocess, sys, tempfile
import numpy, torch, torch.nn as nn, torch.nn.functional as F
from safetensors.torch import load_file

here = os.path.dirname(os.path.abspath(__file__))
specification = importlib.util.spec_from_file_location("fixtures", os.path.join(here, "torch-fixtures.py"))
fixtures = importlib.util.module_from_spec(specification)
specification.loader.exec_module(fixtures)
lockstep, folder = os.path.abspath(sys.argv[1]), os.path.join(here, "..", "Fixtures", "PyTorch")


def run(*arguments):
    result = subprocess.run([lockstep, *arguments], capture_output=True, text=True, cwd=folder)
    if result.returncode != 0: sys.exit(f"lockstep {' '.join(arguments)}: {result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]

def snapshot(directory):
    last = sorted(glob.glob(os.path.join(directory, "snapshots", "step-*")))[-1]
    return load_file(os.path.join(last, "parameters.safetensors"))

def samples(name):
    """Inputs and targets in PyTorch's order."""
    if name == "transformer":
        stream = torch.from_numpy(numpy.fromfile(os.path.join(folder, f"{name}.u16"), "<u2").astype(numpy.int64))
        return stream[:-1].view(-1, 16), stream[1:].view(-1, 16)
    data = load_file(os.path.join(folder, f"{name}.safetensors"))
    if name == "recurrent": return data["inputs"].long(), data["labels"]
    return data["inputs"].permute(0, 3, 1, 2).contiguous(), data["labels"]

models = {
    "perceptron": (fixtures.perceptron, F.cross_entropy), "convolutional": (fixtures.convolutional, F.cross_entropy),
    "recurrent": (fixtures.recurrent, F.binary_cross_entropy_with_logits),
    "transformer": (fixtures.transformer, lambda o, y: F.cross_entropy(o.flatten(0, 1), y.flatten())),
    "residual": (fixtures.residual, F.cross_entropy),
}
failures, kept = [], {}

def check(condition, text):
    print(("  " if condition else "  WRONG ") + text)
    if not condition: failures.append(text)

with tempfile.TemporaryDirectory() as temporary:
    for name, (make, loss_of) in models.items():
        print(name)
        directory = os.path.join(temporary, name)
        events = run("train", f"{name}.yaml", "--workers", "1", "--json", "--run-directory", directory)
        own = numpy.array([event["loss"] for event in events if event["event"] == "step"])
        expected = load_file(os.path.join(folder, f"{name}.safetensors"))["losses"].numpy()
        apart = numpy.abs(own / expected - 1).max()
        check(len(own) == 100 and apart < 1e-3, f"losses of {len(own)} steps are at most {apart:.1e} apart")
        kept[name] = snapshot(directory)
        model = make()
        model.load_state_dict(kept[name], strict=True)
        check(True, f"load_state_dict(strict=True): {len(kept[name])} tensors")
        for key, value in kept[name].items():
            if key.endswith("num_batches_tracked"): check(value.item() == 100 and value.shape == (), f"{key} is 100")
        x, y = samples(name)
        with torch.no_grad(): loss = loss_of(model.eval()(x), y).item()
        test = "{tokens: {path: transformer.u16, type: u16, context: 16, vocabulary: 64}}" if name == "transformer" \
            else f"{{safetensors: {{path: {name}.safetensors}}}}"
        evaluated = run("evaluate", directory, "--json", "--set", f"data.test={test}")[-1]["loss"]
        check(abs(evaluated / loss - 1) < 1e-4, f"evaluate says {evaluated:.6f}, PyTorch {loss:.6f}")

    job = os.path.join(temporary, "others.yaml")
    with open(job, "w") as file:
        file.write("""
model:
  - tokens: {embedding: {count: 64, width: 16}}
  - gru: {gru: {units: 8, layers: 2, bidirectional: true}}
  - attention: {multiheadAttention: {width: 16, heads: 4}}
  - lstm: {lstm: {units: 8, layers: 2, bidirectional: true}}
  - last
  - output: {linear: 2}
loss: softmaxCrossEntropy
optimizer: adam
data: {train: {randomTokens: {count: 64, length: 12, tokens: 64, classes: 2}}}
batchSize: 16
steps: 3
""")
    directory = os.path.join(temporary, "others")
    run("train", job, "--workers", "2", "--json", "--run-directory", directory)
    kept["others"] = snapshot(directory)

print("modules alone, strict")
for name, source, prefix, module in [
    ("nn.LSTM", "recurrent", "lstm.", nn.LSTM(8, 16)), ("nn.LSTM both ways", "others", "lstm.", nn.LSTM(16, 8, 2, bidirectional=True)),
    ("nn.GRU", "others", "gru.", nn.GRU(16, 8, 2, bidirectional=True)),
    ("nn.MultiheadAttention", "others", "attention.", nn.MultiheadAttention(16, 4)),
    ("nn.TransformerEncoderLayer", "transformer", "block1.", nn.TransformerEncoderLayer(16, 2, 64)),
    ("nn.BatchNorm2d", "residual", "1.", nn.BatchNorm2d(8)),
]:
    part = {key[len(prefix):]: value for key, value in kept[source].items() if key.startswith(prefix)}
    module.load_state_dict(part, strict=True)
    check(True, f"{name}: {len(part)} tensors")
sys.exit(f"{len(failures)} wrong" if failures else None)
