package import LockstepCore
internal import LockstepFormats

/// Says what is in a file of data or a directory, in lines for people.
package enum DataInspection {
    /// How many entries a line lists before it stops.
    private static let shownNames = 12

    /// Reads what lies at a path of this machine.
    ///
    /// - Throws: a usage error where it cannot be read or is damaged.
    package static func describe(path: String) throws(CommandError) -> [String] {
        try describe(try RegularFile.read(RegularFile.isDirectory(path) ? .directory(path) : .file(path), at: path))
    }

    package static func describe(_ file: DataFile) throws(CommandError) -> [String] {
        guard !file.isDirectory else { return try folder(file) }
        let contents = try file.contents()
        let plain = DataFile(name: file.name, bytes: contents)
        let lines: [String]
        do {
            switch DataKind(contents) {
            case .npy: lines = ["npy array"] + tensor(try NPYFormat.read(contents))
            case .png: lines = image(try PNGFormat.decode(contents))
            case .idxImages: lines = images(try IDXFormat.images(contents))
            case .idxLabels:
                lines = counts("IDX labels", try IDXFormat.labels(contents).map { Int($0) })
            case .safetensors: lines = try safetensors(contents)
            case .cifar10:
                let images = try CIFAR10Format.read(contents)
                lines = counts("CIFAR-10 images of 32×32×3", (0..<images.count).map { images.label($0) }) {
                    CIFAR10Format.classes[$0]
                }
            case .text: lines = try TextInspection.describe(plain)
            }
        } catch let error as CommandError {
            throw error
        } catch {
            throw file.refusal("\(error)")
        }
        let size = file.bytes.count == contents.count ? "" : " (gzip; \(contents.count) uncompressed)"
        return [
            "file: \(file.name.escapedForDisplay())", "size: \(file.bytes.count) bytes\(size)",
            "digest: \(try plain.digest())",
        ] + lines
    }

    private static func folder(_ directory: DataFile) throws(CommandError) -> [String] {
        var lines = [
            "directory: \(directory.name.escapedForDisplay())", "files: \(directory.entries.count)",
            "size: \(directory.entries.reduce(0) { $0 + $1.bytes.count }) bytes", "digest: \(try directory.digest())",
        ]
        guard directory.entries.contains(where: { PNGFormat.isPNG($0.bytes) }) else {
            return lines + (try TextInspection.describe(directory: directory))
        }
        var classes = NameNumbers()
        var shapes = NameNumbers()
        for entry in directory.entries {
            let parts = entry.name.split(separator: "/")
            classes.append(parts.count > 1 ? String(parts[0]) : ".")
            guard PNGFormat.isPNG(entry.bytes) else {
                shapes.append("not PNG")
                continue
            }
            do {
                let image = try PNGFormat.decode(entry.bytes)
                shapes.append("\(image.height)×\(image.width)×\(image.channels)")
            } catch {
                throw entry.named(in: directory.name).refusal("\(error)")
            }
        }
        lines += listing("directories", classes)
        lines += listing("images (height×width×channels)", shapes)
        return lines
    }

    /// How often each name was appended.
    static func listing(_ title: String, _ names: NameNumbers) -> [String] {
        var counts = Array(repeating: 0, count: names.names.count)
        for code in names.codes { counts[Int(code)] += 1 }
        let shown = zip(names.names, counts).prefix(shownNames).map { name, count in
            "  \(name.escapedForDisplay(limit: 40)): \(count)"
        }
        let rest = names.names.count - shown.count
        return ["\(title): \(names.names.count)"] + shown + (rest > 0 ? ["  and \(rest) more"] : [])
    }

    private static func counts(
        _ title: String, _ labels: [Int], name: (Int) -> String = { "\($0)" }
    ) -> [String] {
        var counts: [Int] = []
        for label in labels {
            if label >= counts.count { counts += Array(repeating: 0, count: label + 1 - counts.count) }
            counts[label] += 1
        }
        let used = counts.indices.filter { counts[$0] > 0 }
        let shown = used.prefix(shownNames).map { "  \(name($0)): \(counts[$0])" }
        let rest = used.count - shown.count
        return ["\(title): \(labels.count)", "classes: \(used.count)"] + shown
            + (rest > 0 ? ["  and \(rest) more"] : [])
    }

    private static func image(_ image: PNGImage) -> [String] {
        var summary = NumberSummary()
        for byte in image.pixels { summary.add(Double(byte)) }
        return ["PNG image: \(image.height)×\(image.width)×\(image.channels)", "pixels: \(summary)"]
    }

    private static func images(_ images: IDXFormat.Images) -> [String] {
        var summary = NumberSummary()
        for byte in images.pixels { summary.add(Double(byte)) }
        return ["IDX images: \(images.count) of \(images.height)×\(images.width)", "pixels: \(summary)"]
    }

    private static func safetensors(_ bytes: [UInt8]) throws(FormatError) -> [String] {
        let contents = try Safetensors(parsing: bytes)
        var lines = ["safetensors: \(contents.tensors.count) tensors"]
        for pair in contents.metadata.prefix(shownNames) {
            let (key, value) = (pair.key.escapedForDisplay(limit: 60), pair.value.escapedForDisplay(limit: 60))
            lines.append("metadata \(key): \(value)")
        }
        for view in contents.tensors {
            lines.append("\(view.name.escapedForDisplay(limit: 60))")
            lines += tensor(view).map { "  \($0)" }
        }
        return lines
    }

    private static func tensor(_ tensor: TensorView) -> [String] {
        var lines = ["shape: \(tensor.shape)", "type: \(tensor.type.rawValue)"]
        guard tensor.isNumeric, tensor.count > 0 else { return lines }
        var summary = NumberSummary()
        for index in 0..<tensor.count { summary.add(Double(tensor.float(at: index))) }
        lines.append("values: \(summary)")
        return lines
    }
}
