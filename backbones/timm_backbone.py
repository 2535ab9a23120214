"""Any timm model with `features_only` as a backbone with the interface of `CellBackbone`: the papers' baselines."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from backbones.cost import Cost, measure
from backbones.design import Design, TimmModel
from backbones.errors import InputError, first_line
from backbones.operations import unstride
from backbones.settings import PartlyFrozen, check_settings

#: The strides of the maps that 1, 2, 3 and 4 frozen stages end at.
_STAGES = (4, 8, 16, 32)

#: What timm's models raise for an unsuitable setting or image size.
_UNSUITABLE = (TypeError, RuntimeError, ValueError, AssertionError, AttributeError, LookupError, NotImplementedError)

_Value = TypeVar("_Value")


def confirm(name: str) -> None:
    """Check that timm has a model of that name.

    Raises:
        InputError: timm has no such model; names the nearest.
    """
    # Imported here, because timm imports torchvision, which nothing else in this package needs.
    import timm

    if not timm.is_model(name):
        close = difflib.get_close_matches(name, timm.list_models(), n=1)
        hint = f"did you mean 'timm:{close[0]}'?" if close else "timm.list_models() names them"
        raise InputError(f"timm:{name}: timm {timm.__version__} has no model of that name; {hint}")


def create(name: str, **settings: Any) -> nn.Module:
    """Create a timm model without weights, on torch's default device.

    Raises:
        InputError: timm has no such model, or the model does not take the settings.
    """
    import timm

    confirm(name)
    try:
        return timm.create_model(name, pretrained=False, **settings)
    except _UNSUITABLE as error:
        given = ", ".join(f"{key}={value!r}" for key, value in settings.items())
        problem = " ".join(str(error).split())[:200]
        raise InputError(f"timm:{name}: cannot be built with {given}: {problem}") from error


def input_size(name: str) -> tuple[int, int, int]:
    """The image size `(C, H, W)` that timm configures the model for; most models take other sizes, too."""
    import timm

    confirm(name)
    known = timm.get_pretrained_cfg(name)
    channels, height, width = (3, 224, 224) if known is None else known.input_size
    return channels, height, width


def confirm_size(module: nn.Module, shape: tuple[int, int, int], name: str) -> Cost:
    """Check that a timm model takes images of shape `(C, H, W)`, before it is trained on them, and return its cost.

    Args:
        module: the model, or a part of it.

    Raises:
        InputError: it does not; says why, in the model's own words, and which size timm configures it for.
    """
    try:
        return measure(module, shape)
    except _UNSUITABLE as error:
        size, own = (" x ".join(map(str, each)) for each in (shape, input_size(name)))
        problem = f"timm:{name}: takes no images of {size}: {first_line(error)}"
        raise InputError(problem if size == own else f"{problem}; timm configures it for {own}") from error


def cost_of(design: Design, module: nn.Module, shape: tuple[int, int, int]) -> Cost:
    """Measure a design's network, or a part of it, for one image of shape `(C, H, W)`.

    Raises:
        InputError: it is a timm model, and takes no such images.
    """
    return confirm_size(module, shape, design.name) if isinstance(design, TimmModel) else measure(module, shape)


def entry_names(name: str) -> list[str]:
    """The names in a timm model's state dict, in order."""
    with torch.device("meta"):
        return list(create(name).state_dict())


def classifier_names(model: nn.Module) -> tuple[str, ...]:
    """The layers of a whole timm model that are as wide as the number of classes; none of another network."""
    known: Any = getattr(model, "pretrained_cfg", None)
    named = known.get("classifier") if isinstance(known, Mapping) else None
    return (named,) if isinstance(named, str) else tuple(named or ())


class TimmBackbone(PartlyFrozen):
    """A timm model as a feature extractor: `(N, 3, H, W)` to one map per stride, `(N, C_s, H / s, W / s)`.

    Maps are smaller in models whose convolutions have no padding, such as Inception.

    Args:
        name: timm's name of the model, such as `resnet50`.
        out_strides: strides of the maps to return, in rising order; the deepest map of a stride is returned.
        last_stride: 1 leaves out the halving from stride 16 to 32. The last map then has the size of stride 16;
            `out_strides` still names it 32.
        drop_path: timm's `drop_path_rate`.
        frozen_stages: number of frozen parts: 1 freezes what computes the map of stride 4, 2 of 8, 3 of 16, 4 of 32.
        norm_eval: freeze all BatchNorm statistics, in training too.
        checkpointing: timm's gradient checkpointing.

    Raises:
        InputError: timm has no such model, or the model has no such map or does not take a setting.
    """

    def __init__(
        self,
        name: str,
        out_strides: Sequence[int] = (8, 16, 32),
        last_stride: int = 2,
        drop_path: float = 0.0,
        frozen_stages: int = 0,
        norm_eval: bool = False,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        check_settings(out_strides, last_stride, frozen_stages, drop_path)
        self.name = name
        self.out_strides = tuple(out_strides)
        self.norm_eval = norm_eval
        indices = _indices(name)
        if any(stride not in indices for stride in self.out_strides):
            raise InputError(
                f"timm:{name}: out_strides={self.out_strides}: expected rising strides out of {sorted(indices)}"
            )
        settings: dict[str, Any] = {"out_indices": tuple(indices[stride] for stride in self.out_strides)}
        if drop_path:
            settings["drop_path_rate"] = drop_path
        self.model = create(name, features_only=True, **settings)
        info: Any = self.model.feature_info
        #: Channels of each returned map, in the order of `out_strides`.
        self.feature_channels: tuple[int, ...] = tuple(info.channels())
        if last_stride == 1:
            self._unstride_last(indices)
        if checkpointing:
            self._checkpoint()
        self._frozen = self._freeze(indices, frozen_stages)
        self.train()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        maps: list[Tensor] = self.model(x)
        # Swin and a few others give maps of shape (N, H, W, C).
        if getattr(self.model, "output_fmt", "NCHW") == "NHWC":
            maps = [m.permute(0, 3, 1, 2).contiguous() for m in maps]
        return tuple(maps)

    def renamed(self, state: Mapping[str, _Value]) -> dict[str, _Value]:
        """Rename the entries of the whole timm model's state dict as they are named here."""
        ours = {theirs: name for name, theirs in self._full_names.items()}
        return {ours.get(name, name): value for name, value in state.items()}

    def is_spare(self, name: str) -> bool:
        """Whether an entry belongs to a part of the whole model that this backbone leaves out."""
        return name in self._spare

    @cached_property
    def _whole(self) -> nn.Module:
        """The whole model, for its names; a cached property, so that it is not registered as a submodule."""
        with torch.device("meta"):
            return create(self.name)

    @cached_property
    def _full(self) -> frozenset[str]:
        return frozenset(self._whole.state_dict())

    @cached_property
    def _full_names(self) -> dict[str, str]:
        """The name of each entry of this backbone in the whole model."""
        # timm joins the names of nested modules by underscores.
        joined = {name.replace(".", "_"): name for name, _ in self._whole.named_modules()}
        return {name: _full_name(name.removeprefix("model."), self._full, joined) for name in self.state_dict()}

    @cached_property
    def _spare(self) -> frozenset[str]:
        return self._full - set(self._full_names.values())

    def _checkpoint(self) -> None:
        enable: Callable[[bool], None] | None = getattr(self.model, "set_grad_checkpointing", None)
        try:
            if enable is None:
                raise AttributeError("timm's wrapper has no set_grad_checkpointing")
            enable(True)
        except _UNSUITABLE as error:
            raise InputError(f"timm:{self.name}: checkpointing=True: not supported by this model ({error})") from error

    def _unstride_last(self, indices: Mapping[int, int]) -> None:
        """Set the strides between the maps of stride 16 and 32 to 1, and check that the model still works."""
        if self.out_strides[-1] != 32 or 16 not in indices:
            raise InputError(f"timm:{self.name}: last_stride=1: expected maps of strides 16 and 32")
        shape = input_size(self.name)
        # Run with real tensors: shapes alone do not show whether an attention layer works at another size.
        with torch.device("cpu"):
            whole = create(self.name, features_only=True, out_indices=(indices[16], indices[32]))
            image = torch.randn(1, *shape, generator=torch.Generator().manual_seed(0))
        before = _maps(whole, image)
        size = before[0].shape[-1]
        used = _used(whole, image)
        for name in _halving(whole, image, size):
            if f"{name}.weight" in used:
                # It helps to compute the map of stride 16, such as an attention layer's keys at half the size.
                continue
            unstride(whole.get_submodule(name))
            unstride(self.model.get_submodule(name))
        problem = "the last map cannot keep the size of the one before"
        try:
            after = _maps(whole, image)
        except _UNSUITABLE as error:
            # Such as a block whose two branches now differ in size (ResNet-D's pooled shortcut).
            raise InputError(f"timm:{self.name}: last_stride=1: {problem}") from error
        if after[1].shape[-1] != size or not torch.equal(before[0], after[0]):
            raise InputError(f"timm:{self.name}: last_stride=1: {problem}")

    def _freeze(self, indices: Mapping[int, int], stages: int) -> list[nn.Module]:
        """Freeze the parameters that compute a stage's map; return the modules that are entirely frozen."""
        if not stages:
            return []
        stride = _STAGES[stages - 1]
        if stride not in indices:
            raise InputError(f"timm:{self.name}: frozen_stages={stages}: this model has no map of stride {stride}")
        with torch.device("meta"):
            dry = create(self.name, features_only=True, out_indices=(indices[stride],))
            image = torch.empty(1, *input_size(self.name))
        used = _used(dry, image)
        for name, parameter in self.model.named_parameters():
            if name in used:
                parameter.requires_grad_(False)
        return [
            module
            for module in self.model.modules()
            if (held := list(module.parameters())) and not any(parameter.requires_grad for parameter in held)
        ]


def _indices(name: str) -> dict[int, int]:
    """Stride to timm's index of the deepest map of that stride."""
    with torch.device("meta"):
        info: Any = create(name, features_only=True).feature_info
    return dict(zip(info.reduction(), info.out_indices, strict=True))


def _full_name(name: str, full: frozenset[str], joined: Mapping[str, str]) -> str:
    """The name of an entry in the whole model; timm adds prefixes (`model.`, `body.`), or joins nested names."""
    first, dot, rest = name.partition(".")
    unwrapped = name.removeprefix("model.").removeprefix("body.")
    for candidate in (name, unwrapped, joined.get(first, first) + dot + rest):
        if candidate in full:
            return candidate
    raise InputError(f"timm: {name} has no counterpart in the whole model; its weights cannot be loaded")


def _maps(model: nn.Module, image: Tensor) -> list[Tensor]:
    with torch.no_grad():
        maps: list[Tensor] = model.eval()(image)
    return maps


def _used(model: nn.Module, image: Tensor) -> set[str]:
    """Names of the parameters that the model's first map depends on."""
    names, parameters = zip(*model.named_parameters(), strict=True)
    gradients = torch.autograd.grad(model.eval()(image)[0].sum(), parameters, allow_unused=True)
    return {name for name, gradient in zip(names, gradients, strict=True) if gradient is not None}


def _halving(model: nn.Module, image: Tensor, size: int) -> set[str]:
    """Names of the convolutions and poolings that make a map of that size smaller."""
    found: set[str] = set()

    def note(name: str, before: Tensor, after: Tensor) -> None:
        if before.dim() == 4 and before.shape[-1] == size > after.shape[-1]:
            found.add(name)

    handles = [
        module.register_forward_hook(lambda _, inputs, out, name=name: note(name, inputs[0], out))
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d))
    ]
    _maps(model, image)
    for handle in handles:
        handle.remove()
    return found
