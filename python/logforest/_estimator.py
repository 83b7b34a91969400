"""What all estimators share of scikit-learn's conventions; scikit-learn itself is not needed."""

from __future__ import annotations

import inspect
from typing import Any, Literal

__all__ = ["shown", "tags"]


def shown(estimator: Any) -> str:
    """``Name(parameter=value)`` with the parameters that differ from their defaults."""
    defaults = inspect.signature(type(estimator).__init__).parameters
    changed = [
        f"{name}={value!r}"
        for name, value in estimator.get_params().items()
        if repr(value) != repr(defaults[name].default)
    ]
    return f"{type(estimator).__name__}({', '.join(changed)})"


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
