"""What all estimators share of scikit-learn's conventions; scikit-learn itself is not needed."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar

from logforest.errors import ConfigError, ModelError

__all__ = ["CoreModel", "Parameters", "tags"]


class Parameters:
    """Parameters are the constructor's arguments, and ``__init__`` only stores them."""

    @classmethod
    def _param_names(cls) -> list[str]:
        return sorted(p for p in inspect.signature(cls.__init__).parameters if p != "self")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments; `deep` is accepted for scikit-learn's sake."""
        return {name: getattr(self, name) for name in self._param_names()}

    def set_params(self, **params: Any) -> Self:
        """Changes constructor arguments; they take effect with the next ``fit``."""
        known = self._param_names()
        for name, value in params.items():
            if name not in known:
                raise ConfigError(
                    f"Invalid parameter {name!r} for estimator {self}. "
                    f"Valid parameters are: {known!r}."
                )
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        """``Name(parameter=value)`` with the parameters that differ from their defaults."""
        defaults = inspect.signature(type(self).__init__).parameters
        changed = [
            f"{name}={value!r}"
            for name, value in self.get_params().items()
            if repr(value) != repr(defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(changed)})"


class _Saved(Protocol):
    def save(self) -> bytes: ...


C = TypeVar("C", bound=_Saved)


class CoreModel(Parameters, Generic[C]):
    """An estimator whose fitted state is one object of the core, pickled as its saved bytes."""

    _core_class: ClassVar[Any]
    _unfitted: ClassVar[str]
    _core: C | None
    n_jobs: int | None

    def _fitted(self) -> C:
        if self._core is None:
            raise ModelError(self._unfitted)
        return self._core

    def _threads(self) -> int:
        return -1 if self.n_jobs is None else self.n_jobs

    def __sklearn_is_fitted__(self) -> bool:
        return self._core is not None

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state["_core"] = None if self._core is None else self._core.save()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if state["_core"] is not None:
            self._core = self._core_class.load(state["_core"])


def tags(kind: Literal["classifier", "transformer"]) -> Any:
    """For pipelines and searches over parameters: works on text or records, not on numbers."""
    from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags, TransformerTags

    return Tags(
        estimator_type=kind,
        target_tags=TargetTags(required=kind == "classifier"),
        classifier_tags=ClassifierTags() if kind == "classifier" else None,
        transformer_tags=TransformerTags() if kind == "transformer" else None,
        input_tags=InputTags(two_d_array=False, string=True),
    )
