"""Writes Tests/Fixtures/PyTorch: what PyTorch 2.13 gives for layers, losses, optimizers, schedules and five small models.

    python Tests/Scripts/torch-fixtures.py          # with torch 2.13, safetensors and numpy

The Swift tests read what this has written; nothing else needs Python. Layers, losses, optimizers and schedules are
computed in double precision from numbers that single precision holds; the five models train in single precision, as
anybody would train them. Images are stored as height, width, channels, which is Lockstep's order.
"""
import collections, copy, math, os
import numpy, torch, torch.nn as nn, torch.nn.functional as F
from safetensors.numpy import save_file

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
directory = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Fixtures", "PyTorch")


def own_order(tensor):
    """Images as height, width, channels; everything else as it is."""
    return tensor.permute(0, 2, 3, 1) if tensor.dim() == 4 else tensor


def array(tensor, dtype=numpy.float32):
    """Samples, in Lockstep's order."""
    return numpy.ascontiguousarray(own_order(tensor.detach()).numpy().astype(dtype))


def weights(tensor):
    """A parameter, in PyTorch's order."""
    return tensor.detach().numpy().astype(numpy.float32).copy()


def single(tensor):
    """Rounded to single precision, held in double."""
    return tensor.float().double()


def save(name, tensors):
    save_file(tensors, os.path.join(directory, name), metadata={"format": "pt"})


# Layers with one tensor in and one out, so that they fit into nn.Sequential; names are those of PyTorch's own.

class SequenceLSTM(nn.LSTM):
    def forward(self, x): return super().forward(x)[0]

class SequenceGRU(nn.GRU):
    def forward(self, x): return super().forward(x)[0]

def causal_mask(x):
    return torch.triu(torch.full((x.shape[1], x.shape[1]), -math.inf, dtype=x.dtype), diagonal=1)

class SelfAttention(nn.MultiheadAttention):
    def __init__(self, width, heads, causal=False):
        super().__init__(width, heads, batch_first=True)
        self.causal = causal
    def forward(self, x):
        return super().forward(x, x, x, need_weights=False, attn_mask=causal_mask(x) if self.causal else None)[0]

class EncoderLayer(nn.TransformerEncoderLayer):
    def __init__(self, width, heads, hidden, activation, norm_first, causal=False):
        super().__init__(width, heads, hidden, 0.0, activation, batch_first=True, norm_first=norm_first)
        self.causal = causal
    def forward(self, x):
        return super().forward(x, src_mask=causal_mask(x) if self.causal else None)

class LearnedPositions(nn.Module):
    def __init__(self, steps, width):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(steps, width))
    def forward(self, x): return x + self.weight

class Last(nn.Module):
    def forward(self, x): return x[:, -1]

class MeanOverPositions(nn.Module):
    def forward(self, x): return x.mean(1)

class GlobalAveragePool(nn.Module):
    def forward(self, x): return x.mean((2, 3), keepdim=True)

class Residual(nn.Module):
    """The blocks one after the other, plus what came in, or plus the shortcut's result; then perhaps a ReLU."""
    def __init__(self, *blocks, shortcut=None, activation=None):
        super().__init__()
        self.blocks = len(blocks)
        for index, block in enumerate(blocks): self.add_module(str(index), block)
        if shortcut is not None: self.shortcut = shortcut
        self.activation = activation
    def forward(self, x):
        y = x
        for index in range(self.blocks): y = getattr(self, str(index))(y)
        y = y + (self.shortcut(x) if hasattr(self, "shortcut") else x)
        return y if self.activation is None else self.activation(y)

class Concatenate(nn.Module):
    """The results of blocks side by side: in the last dimension, or in the channels of images."""
    def __init__(self, *blocks):
        super().__init__()
        for index, block in enumerate(blocks): self.add_module(str(index), block)
    def forward(self, x):
        return torch.cat([block(x) for block in self.children()], 1 if x.dim() == 4 else -1)

class TiedModel(nn.Module):
    """A tied weight has one name, the embedding's."""
    def __init__(self, classes, width, steps):
        super().__init__()
        self.tokens = nn.Embedding(classes, width)
        self.positions = LearnedPositions(steps, width)
    def forward(self, x): return F.linear(self.positions(self.tokens(x)), self.tokens.weight)

def basic_block(inputs, outputs, stride):
    """Of a residual network."""
    shortcut = None
    if stride != 1 or inputs != outputs:
        shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
    return Residual(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs),
        shortcut=shortcut, activation=F.relu)


def prepare(model):
    """In double precision, with numbers that single precision holds, none of them left at 0 or 1."""
    model = model.double()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() == 1: parameter.add_(0.3 * torch.randn_like(parameter))
            parameter.copy_(single(parameter))
        for name, buffer in model.named_buffers():
            if "running_mean" in name: buffer.copy_(single(0.2 * torch.randn_like(buffer)))
            if "running_var" in name: buffer.copy_(single(1 + 0.5 * torch.rand_like(buffer)))
    return model


def record(tensors, name, model, x, loss_of, target, target_type):
    """A case: what goes in, what comes out, the loss, and every gradient."""
    for key, parameter in model.named_parameters(): tensors[f"{name}/parameter/{key}"] = weights(parameter)
    for key, buffer in model.named_buffers():
        if buffer.is_floating_point(): tensors[f"{name}/parameter/{key}"] = weights(buffer)
    tensors[f"{name}/input"] = array(x)
    tensors[f"{name}/target"] = array(target, target_type)
    model.eval()
    with torch.no_grad(): tensors[f"{name}/output"] = array(model(x))
    model.train()
    loss = loss_of(model(x), target)
    loss.backward()
    tensors[f"{name}/loss"] = loss.detach().numpy().astype(numpy.float64).reshape(1)
    for key, parameter in model.named_parameters(): tensors[f"{name}/gradient/{key}"] = weights(parameter.grad)
    # The statistics after the step: training has seen one batch.
    for key, buffer in model.named_buffers():
        if buffer.is_floating_point(): tensors[f"{name}/buffer/{key}"] = weights(buffer)


def layers():
    flat, sequence, image = (4, 6), (4, 5, 6), (4, 3, 6, 5)
    before = {2: lambda: nn.Linear(6, 6), 3: lambda: nn.Linear(6, 6), 4: lambda: nn.Conv2d(3, 4, 1)}
    cases = {
        "linear": (flat, lambda: nn.Linear(6, 5)), "linearWithoutBias": (flat, lambda: nn.Linear(6, 5, bias=False)),
        "linearOverPositions": (sequence, lambda: nn.Linear(6, 5)),
        "convolution": (image, lambda: nn.Conv2d(4, 5, 3, padding=1)),
        "convolutionWithStride": (image, lambda: nn.Conv2d(4, 5, 3, stride=2, padding=1)),
        "convolutionOfFive": (image, lambda: nn.Conv2d(4, 3, 5, padding=2)),
        "convolutionOfManyChannels": (image, lambda: nn.Conv2d(64, 64, 3, padding=1)),
        "convolutionOfOne": (image, lambda: nn.Conv2d(4, 5, 1, stride=2, bias=False)),
        "maxPool": (image, lambda: nn.MaxPool2d(2)), "maxPoolPadded": (image, lambda: nn.MaxPool2d(3, 2, 1)),
        "averagePool": (image, lambda: nn.AvgPool2d(2)), "averagePoolPadded": (image, lambda: nn.AvgPool2d(3, 2, 1)),
        "adaptiveAveragePool": (image, lambda: nn.AdaptiveAvgPool2d((4, 3))),
        "globalAveragePool": (image, GlobalAveragePool),
        "flatten": (image, lambda: nn.Sequential(nn.Flatten(), nn.Linear(120, 3))),
        "relu": (flat, nn.ReLU), "leakyReLU": (flat, lambda: nn.LeakyReLU(0.2)), "elu": (flat, lambda: nn.ELU(1.5)),
        "gelu": (flat, nn.GELU), "tanhGELU": (sequence, lambda: nn.GELU(approximate="tanh")),
        "silu": (sequence, nn.SiLU), "sigmoid": (flat, nn.Sigmoid), "tanh": (flat, nn.Tanh),
        "softplus": (flat, nn.Softplus), "softmax": (flat, lambda: nn.Softmax(-1)),
        "layerNorm": (flat, lambda: nn.LayerNorm(6)), "layerNormOverPositions": (sequence, lambda: nn.LayerNorm(6)),
        "layerNormWithoutWeights": (sequence, lambda: nn.LayerNorm(6, elementwise_affine=False, eps=1e-3)),
        "batchNorm2D": (image, lambda: nn.BatchNorm2d(4)),
        "batchNorm2DWithMomentum": (image, lambda: nn.BatchNorm2d(4, eps=1e-3, momentum=0.3)),
        "batchNorm1D": (flat, lambda: nn.BatchNorm1d(6)),
        "lstm": (sequence, lambda: SequenceLSTM(6, 4, batch_first=True)),
        "lstmOfTwoLayers": (sequence, lambda: SequenceLSTM(6, 4, 2, batch_first=True)),
        "lstmBothWays": (sequence, lambda: SequenceLSTM(6, 3, 2, batch_first=True, bidirectional=True)),
        "gru": (sequence, lambda: SequenceGRU(6, 4, batch_first=True)),
        "gruOfTwoLayers": (sequence, lambda: SequenceGRU(6, 4, 2, batch_first=True)),
        "gruBothWays": (sequence, lambda: SequenceGRU(6, 3, 2, batch_first=True, bidirectional=True)),
        "attention": (sequence, lambda: SelfAttention(6, 2)),
        "causalAttention": (sequence, lambda: SelfAttention(6, 3, causal=True)),
        "encoderLayer": (sequence, lambda: EncoderLayer(6, 2, 10, "relu", False)),
        "encoderLayerNormFirst": (sequence, lambda: EncoderLayer(6, 3, 10, "gelu", True)),
        "causalEncoderLayer": (sequence, lambda: EncoderLayer(6, 2, 10, "gelu", True, causal=True)),
        "learnedPositions": (sequence, lambda: LearnedPositions(5, 6)),
        "last": (sequence, Last), "meanOverPositions": (sequence, MeanOverPositions),
        "residual": (sequence, lambda: Residual(nn.LayerNorm(6), nn.Linear(6, 6))),
        "residualWithShortcut": (image, lambda: Residual(
            nn.Conv2d(4, 5, 3, 2, 1), nn.ReLU(), shortcut=nn.Conv2d(4, 5, 1, 2))),
        "concatenate": (flat, lambda: Concatenate(nn.Linear(6, 4), nn.Tanh())),
        "concatenateOfChannels": (image, lambda: Concatenate(nn.Conv2d(4, 3, 3, padding=1), nn.ReLU())),
        "basicBlock": (image, lambda: basic_block(4, 4, 1)), "basicBlockWithStride": (image, lambda: basic_block(4, 6, 2)),
    }
    tensors = {}
    for number, (name, (shape, make)) in enumerate(cases.items()):
        torch.manual_seed(number)
        # The layer before has a gradient only through the layer's own.
        first = nn.Conv2d(3, 64, 1) if name == "convolutionOfManyChannels" else before[len(shape)]()
        model = prepare(nn.Sequential(first, make()))
        x = single(1.5 * torch.randn(shape))
        target = single(torch.randn_like(copy.deepcopy(model)(x)))
        record(tensors, name, model, x, F.mse_loss, target, numpy.float32)
    of_tokens = {
        "embedding": lambda: nn.Sequential(nn.Embedding(7, 4)),
        "paddedEmbedding": lambda: nn.Sequential(nn.Embedding(7, 4, padding_idx=0)),
        "tiedEmbedding": lambda: TiedModel(7, 4, 5),
    }
    for number, (name, make) in enumerate(of_tokens.items()):
        torch.manual_seed(100 + number)
        model = prepare(make())
        tokens = torch.randint(0, 7, (4, 5))
        tokens[0, 0] = 0
        tokens[1, 1] = tokens[1, 3]
        target = single(torch.randn_like(model(tokens)))
        record(tensors, name, model, tokens, F.mse_loss, target, numpy.float32)
    save("layers.safetensors", tensors)


def losses():
    tensors = {}
    classes, weights = torch.tensor([1, 0, 3, 3, 2, 0, 1, 3]), single(torch.tensor([0.5, 2.0, 1.0, 1.25]))
    torch.manual_seed(200)
    values, shares = single(2 * torch.randn(8, 4)), single(torch.rand(8, 4))
    sequence = torch.randint(0, 4, (8, 6))
    ignored = sequence.clone()
    ignored[2, 1:4] = -100
    def of_positions(ignore=False):
        # The mean of each sample's positions, then the mean of the samples.
        def loss(output, target):
            each = F.cross_entropy(output.flatten(0, 1), target.flatten(), reduction="none").view_as(target)
            return (each.sum(1) / (target != -100).sum(1)).mean()
        return loss
    def function(call, **options): return lambda output, target: call(output, target, **options)
    cases = {
        "softmaxCrossEntropy": (function(F.cross_entropy), classes),
        "labelSmoothing": (function(F.cross_entropy, label_smoothing=0.1), classes),
        "classWeights": (function(F.cross_entropy, weight=weights), classes),
        "smoothingAndWeights": (function(F.cross_entropy, weight=weights, label_smoothing=0.2), classes),
        "meanSquaredError": (function(F.mse_loss), values),
        "meanAbsoluteError": (function(F.l1_loss), values),
        "huber": (function(F.huber_loss, delta=0.75), values),
        "binaryCrossEntropy": (function(F.binary_cross_entropy_with_logits), shares),
        "positiveWeight": (function(F.binary_cross_entropy_with_logits, pos_weight=torch.tensor(2.5).double()), shares),
        "sequenceCrossEntropy": (of_positions(), sequence),
        "ignoredPositions": (of_positions(), ignored),
    }
    for name, (loss, target) in cases.items():
        torch.manual_seed(201)
        model = prepare(nn.Sequential(nn.Linear(5, 4)))
        shape = (8, 6, 5) if target.shape == sequence.shape else (8, 5)
        kind = numpy.float32 if target.is_floating_point() else numpy.int32
        record(tensors, name, model, single(1.5 * torch.randn(shape)), loss, target, kind)
    save("losses.safetensors", tensors)


def optimizers():
    torch.manual_seed(300)
    steps, count = 10, 24
    start = single(torch.randn(count))
    gradients = single(torch.randn(steps, count) * torch.logspace(-2, 1, count))
    optim = torch.optim
    cases = {
        "sgd": lambda p: optim.SGD(p, 0.1),
        "momentum": lambda p: optim.SGD(p, 0.1, momentum=0.9),
        "dampening": lambda p: optim.SGD(p, 0.1, momentum=0.9, dampening=0.5),
        "nesterov": lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
        "sgdWithDecay": lambda p: optim.SGD(p, 0.1, momentum=0.9, weight_decay=0.05),
        "adam": lambda p: optim.Adam(p, 0.01),
        "adamWithBetas": lambda p: optim.Adam(p, 0.01, betas=(0.8, 0.95), eps=1e-4),
        "adamWithDecay": lambda p: optim.Adam(p, 0.01, weight_decay=0.05),
        "adamW": lambda p: optim.AdamW(p, 0.01),
        "adamWWithDecay": lambda p: optim.AdamW(p, 0.01, weight_decay=0.2),
        "rmsprop": lambda p: optim.RMSprop(p, 0.01),
        "rmspropWithMomentum": lambda p: optim.RMSprop(p, 0.01, alpha=0.9, momentum=0.5),
        "adagrad": lambda p: optim.Adagrad(p, 0.1),
        "adagradWithDecay": lambda p: optim.Adagrad(p, 0.1, lr_decay=0.2),
        "clippedByNorm": lambda p: optim.SGD(p, 0.1, momentum=0.9),
        "clippedByValue": lambda p: optim.Adam(p, 0.01),
        "groups": lambda p: optim.AdamW(
            [{"params": p[:1], "weight_decay": 0.3}, {"params": p[1:], "weight_decay": 0.0, "lr": 0.005}], 0.01),
    }
    tensors = {"start": array(start), "gradients": array(gradients)}
    for name, make in cases.items():
        # Two parameters, weight and bias, so that groups and a norm over both show.
        parameters = [start[:16].clone().requires_grad_(), start[16:].clone().requires_grad_()]
        optimizer = make(parameters)
        after = []
        for gradient in gradients:
            parameters[0].grad, parameters[1].grad = gradient[:16].clone(), gradient[16:].clone()
            if name == "clippedByNorm": nn.utils.clip_grad_norm_(parameters, 2.5)
            if name == "clippedByValue": nn.utils.clip_grad_value_(parameters, 0.4)
            optimizer.step()
            after.append(torch.cat([p.detach() for p in parameters]))
        tensors[f"after/{name}"] = array(torch.stack(after))
    save("optimizers.safetensors", tensors)


def schedules():
    scheduler, steps = torch.optim.lr_scheduler, 100
    def warm(optimizer, width, after):
        rise = scheduler.LambdaLR(optimizer, lambda done: (done + 1) / width)
        return scheduler.SequentialLR(optimizer, [rise, after], [width])
    cases = {
        "constant": lambda o: scheduler.ConstantLR(o, 1.0),
        "cosine": lambda o: scheduler.CosineAnnealingLR(o, steps),
        "cosineWithWarmUp": lambda o: warm(o, 10, scheduler.CosineAnnealingLR(o, steps - 10)),
        "steps": lambda o: scheduler.StepLR(o, 30, 0.3),
        "milestones": lambda o: scheduler.MultiStepLR(o, [20, 55, 80], 0.5),
        "exponential": lambda o: scheduler.ExponentialLR(o, 0.97),
        "linear": lambda o: scheduler.LinearLR(o, 1.0, 0.25, 60),
    }
    tensors = {}
    for name, make in cases.items():
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.8)
        schedule, rates = make(optimizer), []
        for _ in range(steps):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        tensors[name] = numpy.array(rates, numpy.float64)
    # A rate for each epoch, from the losses of the epochs before.
    torch.manual_seed(400)
    observed = (2 * torch.exp(-torch.arange(60) / 12) + 0.05 * torch.rand(60)).double()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 0.8)
    schedule = scheduler.ReduceLROnPlateau(
        optimizer, factor=0.5, patience=2, threshold=0.01, threshold_mode="abs", min_lr=0.02)
    rates = []
    for loss in observed:
        schedule.step(loss.item())
        rates.append(optimizer.param_groups[0]["lr"])
    tensors["plateau"], tensors["plateauLosses"] = numpy.array(rates, numpy.float64), observed.numpy()
    save("schedules.safetensors", tensors)


# Five small models, as the job files of Tests/Fixtures/PyTorch have them.

def sequential(**blocks): return nn.Sequential(collections.OrderedDict(blocks))

def perceptron():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))

def convolutional():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10))

def recurrent():
    return sequential(
        tokens=nn.Embedding(100, 8), lstm=SequenceLSTM(8, 16, batch_first=True), last=Last(), output=nn.Linear(16, 1))

def transformer():
    width, steps = 16, 16
    return sequential(
        tokens=nn.Embedding(64, width), positions=LearnedPositions(steps, width),
        block1=EncoderLayer(width, 2, 4 * width, "gelu", True, causal=True),
        block2=EncoderLayer(width, 2, 4 * width, "gelu", True, causal=True),
        norm=nn.LayerNorm(width), output=nn.Linear(width, 64, bias=False))

def residual():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), basic_block(8, 8, 1),
        basic_block(8, 16, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))

def teacher(inputs, classes):
    """Classes that inputs decide, so that there is something to learn."""
    scores = inputs.flatten(1) @ torch.randn(inputs[0].numel(), classes)
    return scores.argmax(1)

def cosine(optimizer, steps, width):
    def factor(done):
        if done < width: return (done + 1) / width
        return 0.5 * (1 + math.cos(math.pi * (done - width) / (steps - width)))
    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)

def training():
    samples, batch, steps = 64, 16, 100
    def images(channels, side): return 0.5 * torch.randn(samples, channels, side, side)
    def decayed(model):
        norms = [p for n, p in model.named_parameters() if "norm" in n or n.endswith("bias")]
        others = [p for n, p in model.named_parameters() if not ("norm" in n or n.endswith("bias"))]
        return torch.optim.AdamW(
            [{"params": others, "weight_decay": 0.1}, {"params": norms, "weight_decay": 0.0}], 1e-2)
    def positions(output, target): return F.cross_entropy(output.flatten(0, 1), target.flatten())
    cases = {
        "perceptron": (perceptron, images(1, 8), F.cross_entropy, lambda m: torch.optim.Adam(m.parameters(), 1e-3), None, None),
        "convolutional": (
            convolutional, images(1, 10), F.cross_entropy, lambda m: torch.optim.SGD(m.parameters(), 0.05, momentum=0.9),
            None, None),
        "recurrent": (
            recurrent, None, F.binary_cross_entropy_with_logits, lambda m: torch.optim.Adam(m.parameters(), 5e-3), 1.0, None),
        "transformer": (transformer, None, positions, decayed, 1.0, 10),
        "residual": (
            residual, images(3, 8), F.cross_entropy,
            lambda m: torch.optim.SGD(m.parameters(), 0.01, momentum=0.9, nesterov=True, weight_decay=5e-4), None, 0),
    }
    for number, (name, (make, inputs, loss_of, optimizer_of, norm, warm_up)) in enumerate(cases.items()):
        torch.manual_seed(500 + number)
        data = {}
        if name == "recurrent":
            inputs = torch.randint(0, 100, (samples, 20))
            # Whether the greatest token comes in the second half.
            targets = (inputs.argmax(1) >= 10).float().unsqueeze(1)
            data["inputs"], data["labels"] = array(inputs, numpy.int64), array(targets)
        elif name == "transformer":
            stream = [1, 2]
            for _ in range(samples * 16 - 1): stream.append((3 * stream[-1] + stream[-2] + int(torch.rand(1) < 0.2)) % 64)
            stream = torch.tensor(stream)
            inputs, targets = stream[:-1].view(samples, 16), stream[1:].view(samples, 16)
            stream.numpy().astype("<u2").tofile(os.path.join(directory, f"{name}.u16"))
        else:
            targets = teacher(inputs, 10)
            data["inputs"], data["labels"] = array(inputs), array(targets, numpy.int64)
        start = make()
        save(f"{name}-weights.safetensors", {key: value.numpy().copy() for key, value in start.state_dict().items()})
        both = []
        for double in (False, True):
            model = copy.deepcopy(start)
            x, y = inputs, targets
            if double:
                model = model.double()
                x, y = [t.double() if t.is_floating_point() else t for t in (x, y)]
            optimizer = optimizer_of(model)
            schedule = None if warm_up is None else cosine(optimizer, steps, warm_up)
            seen = []
            for step in range(steps):
                first = step * batch % samples
                optimizer.zero_grad()
                loss = loss_of(model(x[first:first + batch]), y[first:first + batch])
                loss.backward()
                if norm is not None: nn.utils.clip_grad_norm_(model.parameters(), norm)
                optimizer.step()
                if schedule is not None: schedule.step()
                seen.append(loss.item())
            both.append(numpy.array(seen))
            if not double: after = model.state_dict()
        # Where PyTorch's own precisions part, a comparison says nothing.
        apart = numpy.abs(both[0] / both[1] - 1).max()
        print(f"{name}: loss {both[0][0]:.4f} to {both[0][-1]:.4f}, single and double precision apart by {apart:.1e}")
        assert apart < 2e-4
        data["losses"] = both[0]
        for key, value in after.items():
            data[f"after/{key}"] = value.numpy().copy()
        save(f"{name}.safetensors", data)


if __name__ == "__main__":
    os.makedirs(directory, exist_ok=True)
    for part in (layers, losses, optimizers, schedules, training): part()
