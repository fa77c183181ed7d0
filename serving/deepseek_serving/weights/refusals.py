"""What a server's refusal means and what a person does about it: pure, from status and headers."""

import datetime as dt
import email.utils
from collections.abc import Callable, Mapping

from deepseek_serving.weights.errors import FetchError, Permanent, Reason, Temporary
from deepseek_serving.weights.transport import Refusal

LONGEST_RETRY_AFTER_SECONDS = 600.0


def explain(refusal: Refusal, *, what: str, advice: Callable[[int], str]) -> FetchError:
    """The error that says why `what` could not be had; `advice` gives the source's own remedy."""
    status, answer = refusal.status, f"{refusal.host} answers {refusal.status} for {what}"
    match status:
        case 401 | 403 if refusal.headers.get("x-error-code") == "GatedRepo":
            remedy = "accept its licence on the model's page with the account the token belongs to"
            return Permanent(Reason.GATED_LICENCE, f"{answer}: {remedy}")
        case 401 | 403 | 407:
            return Permanent(Reason.UNAUTHORIZED, f"{answer}: {advice(status)}")
        case 404 | 410:
            return Permanent(Reason.NOT_FOUND, f"{answer}: {advice(status)}")
        case 408 | 425 | 429:
            return _busy(answer, refusal.headers)
        case _ if status >= 500:
            return _busy(answer, refusal.headers)
    return Permanent(Reason.INVALID_SOURCE, f"{answer}: {advice(status)}")


def _busy(answer: str, headers: Mapping[str, str]) -> Temporary:
    return Temporary(Reason.SERVER_ERROR, answer, retry_after=retry_after(headers))


def retry_after(headers: Mapping[str, str], *, now: dt.datetime | None = None) -> float | None:
    """Seconds that the server asks to wait for, from either form of Retry-After, within reason."""
    text = headers.get("retry-after", "").strip()
    if text.isdigit():
        seconds = float(text)
    else:
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
        seconds = (zoned - (now or dt.datetime.now(dt.UTC))).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)
