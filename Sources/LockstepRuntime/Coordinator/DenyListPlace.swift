internal import LockstepWire

/// Where a coordinator finds the list of certificates that it accepts no more.
package struct DenyListPlace: Sendable {
    package let path: String
    /// Whether it must be there when the coordinator starts.
    package let isRequired: Bool

    /// - Parameters:
    ///   - path: what the user named; nil for `denied.jsonl` beside the identity, which may appear later.
    ///   - identity: the coordinator's identity directory.
    package init(path: String?, identity: String) {
        self.path = path ?? DenyListFile.path(inIdentity: identity)
        isRequired = path != nil
    }
}
