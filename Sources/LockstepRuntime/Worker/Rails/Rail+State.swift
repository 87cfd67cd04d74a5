internal import LockstepCluster
internal import LockstepCollectives
internal import LockstepEngine
internal import LockstepWire

/// The state of a generation, from the members that hold it to those that lack it, over rail 0. On the loop.
extension Rail {
    /// What has become of the state that this worker lacks.
    enum Levelling {
        case receiving(StateReceiver)
        case complete
    }

    /// Whether this generation is the one in progress.
    func isIn(_ generation: UInt32) -> Bool { generation == self.generation && !links.isEmpty }

    /// Takes the shares that the holders of the generation send.
    func receive(_ pieces: StatePieces, into staged: StagedState) {
        guard isIn(pieces.generation) else { return }
        levelling = .receiving(StateReceiver(pieces, into: staged))
        resumeReading()
    }

    /// Sends a share to all members that lack the state, before anything else of the generation goes there.
    ///
    /// - Parameters:
    ///   - share: the own one.
    ///   - state: does not change before those members have all of it, or the links of the generation are closed.
    ///   - numbers: as they travel.
    func send(_ share: Int, of pieces: StatePieces, _ state: FlatState, numbers: [UInt8]) {
        guard isIn(pieces.generation) else { return }
        served = state
        let vectors = [state.parameters] + state.vectors
        let frames = pieces.frames(ofShare: share)
        for needer in pieces.needers {
            guard let link = links[needer]?.sending else { continue }
            for (header, vector, floats) in frames {
                guard vector < vectors.count else {
                    link.send(header, bytes: Array(numbers[4 * floats.lowerBound..<4 * floats.upperBound]))
                    continue
                }
                link.send(
                    header,
                    payload: UnsafeRawBufferPointer(start: vectors[vector] + floats.lowerBound, count: 4 * floats.count)
                )
            }
            link.flush()
        }
    }

    /// Where a piece of the state goes. A holder may have all its links, and begin, before this worker has.
    func placeOfShare(_ header: FrameHeader, from member: Int) throws(LinkError) -> FrameDestination {
        guard number == 0, expectsShares(from: member) else {
            throw .violation("\(members[member].name) sent a share of the state that nobody asked for")
        }
        switch levelling {
        case nil: return .hold
        case .complete: throw .violation("\(members[member].name) sent more than its share of the state")
        case .receiving(let receiver):
            do throws(StateReceiver.Fault) {
                return .memory(try receiver.place(of: header, from: member))
            } catch {
                throw .violation("\(members[member].name) \(error.reason)")
            }
        }
    }

    func tookShare(_ header: FrameHeader, from member: Int) {
        guard case .receiving(var receiver) = levelling else { return }
        receiver.took(header, from: member)
        guard receiver.isComplete else {
            levelling = .receiving(receiver)
            return
        }
        levelling = .complete
        post(.staged(receiver.staged, generation: generation))
    }

    /// Whether a member sends this worker a share of the state of the generation.
    private func expectsShares(from member: Int) -> Bool {
        guard let holders = roster?.holders, members.indices.contains(own) else { return false }
        return holders.contains(members[member].name) && !holders.contains(members[own].name)
    }
}
