"""Everything of faults.md's group A that can happen to a request, as strategies: what passes, and what never does."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.faultserver import (
    cut,
    drip,
    login_page,
    ok,
    rate_limited,
    raw,
    redirect,
    refused,
    reset,
    silent,
    status,
)

_BYTES = st.integers(0, 3000)
_RETRY_AFTER = st.sampled_from(({}, {"Retry-After": "0"}, {"Retry-After": "7"}, {"Retry-After": "soon"}))
PASSING = st.one_of(
    st.builds(status, st.sampled_from((408, 425, 500, 502, 503, 504)), headers=_RETRY_AFTER),
    st.builds(lambda after: reset(after=after), _BYTES),
    st.builds(lambda after, lying: cut(after=after, lying=lying), _BYTES, st.booleans()),
    st.builds(
        lambda span, code, headers: rate_limited(span=span, code=code, headers=headers),
        st.sampled_from(("Second", "Minute", "Hour")),
        st.sampled_from((200, 429)),
        _RETRY_AFTER,
    ),
    st.just(refused()),
    st.just(silent()),
    st.just(drip(tick_s=0.001)),
    st.just(raw(b"not HTTP at all\r\n\r\n")),
    st.just(raw(b"HTTP/1.1 200 OK\r\n\r\n")),
)
LASTING = st.one_of(
    st.just(login_page()),
    st.just(redirect("https://elsewhere.example/")),
    st.builds(status, st.sampled_from((400, 401, 403, 404, 410, 418, 501))),
    st.sampled_from((b"", b"[]", b"null", b"{}", b'{"report":{}}', b'{"isSuccessful":false}', b"\xff\xfe")).map(
        lambda body: status(200, headers={"Content-Type": "application/json"}, body=body)
    ),
)


def breakdowns(most: int = 25):
    """Scripts of answers: well, or broken in a way that passes, or in one that does not."""
    action = st.one_of(st.just(ok()), PASSING, PASSING, LASTING)
    return st.lists(st.one_of(st.just(ok()), st.just(ok()), action), max_size=most)
