internal import LockstepCore
internal import LockstepFormats

/// The members of one JSON object of a manifest: exactly the expected ones, each of its kind.
struct ManifestMembers {
    private let object: JSONObject
    private let place: String

    /// - Parameters:
    ///   - place: names the object in errors.
    ///   - keys: all of them must be there, and no others but the optional ones.
    init(
        _ value: JSONValue, _ place: String, keys: [String], optional: [String] = []
    ) throws(SnapshotDamage) {
        guard let object = value.object else { throw ManifestMembers.damage("\(place) is not an object") }
        for key in keys where object[key] == nil { throw ManifestMembers.damage("\(place) lacks “\(key)”") }
        for member in object.members where !keys.contains(member.key) && !optional.contains(member.key) {
            throw ManifestMembers.damage("\(place) has the unknown key “\(member.key.escapedForDisplay(limit: 40))”")
        }
        self.object = object
        self.place = place
    }

    subscript(key: String) -> JSONValue { object[key] ?? .null }

    func string(_ key: String) throws(SnapshotDamage) -> String {
        guard let text = self[key].string else { throw wrong(key, "a text") }
        return text
    }

    /// A whole number from 0 on.
    func count(_ key: String) throws(SnapshotDamage) -> Int {
        guard let number = self[key].int, number >= 0 else { throw wrong(key, "a whole number") }
        return number
    }

    func bool(_ key: String) throws(SnapshotDamage) -> Bool {
        guard let value = self[key].bool else { throw wrong(key, "true or false") }
        return value
    }

    func digest(_ key: String) throws(SnapshotDamage) -> Digest {
        guard let digest = Digest(hexadecimal: try string(key)) else { throw wrong(key, "a SHA-256") }
        return digest
    }

    func array(_ key: String) throws(SnapshotDamage) -> [JSONValue] {
        guard let elements = self[key].array else { throw wrong(key, "a list") }
        return elements
    }

    func wrong(_ key: String, _ expected: String) -> SnapshotDamage {
        ManifestMembers.damage("“\(key)” of \(place) is not \(expected)")
    }

    static func damage(_ what: String) -> SnapshotDamage {
        SnapshotDamage(file: SnapshotManifest.name, what: what)
    }
}
