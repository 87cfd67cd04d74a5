"""The five workloads of cluster/jobs/bench in PyTorch: model, batch, loss, batch size, steps to measure."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class TextClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10000, 32)
        self.lstm = nn.LSTM(32, 128, batch_first=True)
        self.output = nn.Linear(128, 1)

    def forward(self, tokens):
        hidden, _ = self.lstm(self.embedding(tokens))
        return self.output(hidden[:, -1])


class DecoderBlock(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, 4 * width)
        self.linear2 = nn.Linear(4 * width, width)

    def forward(self, x):
        samples, steps, width = x.shape
        parts = self.qkv(self.norm1(x)).split(width, 2)
        q, k, v = (part.view(samples, steps, self.heads, width // self.heads).transpose(1, 2) for part in parts)
        attention = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(attention.transpose(1, 2).reshape(samples, steps, width))
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x)), approximate="tanh"))


class Decoder(nn.Module):
    def __init__(self, tokens=256, width=384, layers=6, heads=6, context=128):
        super().__init__()
        self.tokens = nn.Embedding(tokens, width)
        self.positions = nn.Embedding(context, width)
        self.blocks = nn.Sequential(*[DecoderBlock(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, tokens, bias=False)

    def forward(self, tokens):
        positions = self.positions(torch.arange(tokens.shape[1]))
        return self.output(self.norm(self.blocks(self.tokens(tokens) + positions)))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


def mlp():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


def cnn():
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(576, 64), nn.ReLU(), nn.Linear(64, 10))


def resnet18():
    widths = [64, 64, 128, 256, 512]
    layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    for stage in range(4):
        layers.append(BasicBlock(widths[stage], widths[stage + 1], 1 if stage == 0 else 2))
        layers.append(BasicBlock(widths[stage + 1], widths[stage + 1], 1))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def images(channels, size):
    return lambda batch: (torch.rand(batch, channels, size, size), torch.randint(0, 10, (batch,)))


def texts(batch):
    return torch.randint(0, 10000, (batch, 100)), torch.randint(0, 2, (batch, 1)).float()


def windows(batch):
    tokens = torch.randint(0, 256, (batch, 129))
    return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


def next_token_loss(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


WORKLOADS = {
    "mlp": (mlp, images(1, 28), F.cross_entropy, 64, 300),
    "cnn": (cnn, images(1, 28), F.cross_entropy, 64, 100),
    "lstm": (TextClassifier, texts, F.binary_cross_entropy_with_logits, 32, 60),
    "gpt": (Decoder, windows, next_token_loss, 8, 8),
    "resnet18": (resnet18, images(3, 32), F.cross_entropy, 32, 8),
}
