/// The canonical text of a value with settings: `conv2D(outputs:16,kernel:3)`, those that are nil left out.
func text(_ name: String, _ settings: (name: String, value: (any CustomStringConvertible)?)...) -> String {
    let shown = settings.compactMap { setting in setting.value.map { "\(setting.name):\($0)" } }
    return name + "(" + shown.joined(separator: ",") + ")"
}
