"""Where a record belongs is told, or not told: never an exception that costs the page."""

from __future__ import annotations

import msgspec
import pytest

from kayzen_nb.callplace import read_call_id, read_places
from kayzen_nb.logpage import LogPage

AT = 1793491200000
WHOLE = f'{{"inboundCallId":"RGB1","callDt":{AT}}}'


def places(*records):
    content = f'{{"report":{{"records":[{",".join(records)}],"totalCount":{len(records)}}}}}'.encode()
    return read_places(
        LogPage(total=len(records), records=[msgspec.Raw(record.encode()) for record in records], content=content)
    )


@pytest.mark.parametrize("value", ["9" * 5000, "-" + "9" * 5000, "1e9999"], ids=["long", "negative", "huge"])
@pytest.mark.parametrize("name", ["inboundCallId", "callDt"])
def test_a_number_without_end_leaves_its_record_without_place_and_the_others_with_theirs(name, value):
    odd = f'{{"{name}":{value},"campaignName":"CTV"}}'
    assert places(WHOLE, odd, WHOLE) == [(("RGB1", AT), AT), (odd.encode(), None), (("RGB1", AT), AT)]
    assert read_call_id(msgspec.Raw(odd.encode())) == ""


def test_a_number_without_end_elsewhere_in_the_record_does_not_matter():
    odd = f'{{"inboundCallId":"RGB2","callDt":{AT},"payoutAmount":{"9" * 5000}}}'
    assert places(odd) == [(("RGB2", AT), AT)]
    assert read_call_id(msgspec.Raw(odd.encode())) == "RGB2"
