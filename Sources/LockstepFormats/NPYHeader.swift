internal import LockstepCore

/// What stands before the data of an npy file: the magic bytes, a version, and a Python dictionary as text.
struct NPYHeader {
    let element: NPYElement
    let shape: [Int]
    let isFortranOrder: Bool
    /// Where the data begins.
    let end: Int

    init(reading file: [UInt8]) throws(FormatError) {
        guard file.starts(with: NPYFormat.magic) else {
            throw FormatError(offset: 0, "this is no npy file")
        }
        guard file.count >= 10 else {
            throw FormatError(offset: file.count, "the npy file ends inside its header")
        }
        guard (1...3).contains(file[6]), file[7] == 0 else {
            throw FormatError(offset: 6, "the npy file has the unknown version \(file[6]).\(file[7])")
        }
        let lengthBytes = file[6] == 1 ? 2 : 4
        let start = 8 + lengthBytes
        guard file.count >= start else { throw FormatError(offset: file.count, "the npy file ends inside its header") }
        let length = (0..<lengthBytes).reduce(0) { $0 | Int(file[8 + $1]) << (8 * $1) }
        guard length <= NPYFormat.maximumHeaderBytes else {
            throw FormatError(offset: 8, "the npy header would have \(length) bytes, more than 64 KiB")
        }
        guard file.count - start >= length else {
            throw FormatError(offset: file.count, "the npy file ends inside its header")
        }
        end = start + length
        var literal = PythonLiteral(file[start..<end])
        var (descr, order, extents): (String?, Bool?, [Int]?) = (nil, nil, nil)
        try literal.dictionary { (key, offset, literal) throws(FormatError) in
            switch key {
            case "descr" where descr == nil: descr = try literal.elementDescription()
            case "fortran_order" where order == nil: order = try literal.bool()
            case "shape" where extents == nil: extents = try literal.integers(maximumCount: NPYFormat.maximumRank)
            default:
                let shown = key.escapedForDisplay(limit: 40)
                throw FormatError(offset: offset, "the npy header has the key “\(shown)” twice, or does not know it")
            }
        }
        guard let descr, let order, let extents else {
            throw FormatError(offset: start, "the npy header does not have descr, fortran_order and shape")
        }
        guard let element = NPYElement(descr) else {
            throw FormatError(
                offset: start,
                "the npy file holds elements of type “\(descr.escapedForDisplay(limit: 40))”, not numbers")
        }
        self.element = element
        shape = extents
        isFortranOrder = order
    }
}
