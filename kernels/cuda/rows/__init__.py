"""Operations on whole rows: softmax, log-softmax, log-sum-exp."""

from .launch import logsumexp, rows_backward, rows_forward

__all__ = ["logsumexp", "rows_backward", "rows_forward"]
