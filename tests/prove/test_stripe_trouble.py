"""P7, P12 on the whole site: Stripe slow, failing, answering HTML, telling everything twice, late and out of order."""

import time

from tests.browser.site import Site
from tests.prove.customers import gather
from tests.races import scaled

CREDITED_WITHIN = 180.0


def test_whatever_stripe_answers_everybody_is_credited_once_in_the_end(site: Site, books: None) -> None:
    crowd = gather(site, scaled(20, full=500))
    calls = len(crowd.waiting)
    asked = {"method": "GET", "path": "/v1/checkout/sessions"}
    faults = [{"kind": kind, "calls": calls, **asked} for kind in ("error", "html", "drop", "rate_limit")]
    site.stand_in.switch(duplicate=3, shuffle=2, faults=[*faults, {"kind": "slow", "calls": 5, "seconds": 15, **asked}])
    try:
        crowd.pay_all()
        time.sleep(20)
    finally:
        site.stand_in.switch(duplicate=1, shuffle=0, faults=[])
    crowd.wait_until_credited(seconds=CREDITED_WITHIN)
    crowd.assert_credited_once()


def test_a_stripe_that_tells_nothing_is_asked(site: Site, books: None) -> None:
    crowd = gather(site, scaled(10, full=500))
    site.stand_in.switch(deliveries="drop")
    try:
        crowd.pay_all()
        crowd.wait_until_credited(seconds=CREDITED_WITHIN)
    finally:
        site.stand_in.switch(deliveries="on")
    crowd.assert_credited_once()
