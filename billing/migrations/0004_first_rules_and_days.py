"""What a new site begins with: offline limits, the rule of USD/CNY, the holidays of 2026; and history that stays."""

from datetime import date, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import migrations

from wallet.ids import new_id

_OFFLINE_LIMITS = [
    ("USD", "100", "200000", ["1000", "5000", "10000", "50000"]),
    ("CNY", "500", "1500000", ["5000", "10000", "50000", "100000"]),
]

# The State Council's schedule for 2026: free from, free to, worked for it.
_HOLIDAYS_2026 = [
    ("New Year's Day", "元旦", (1, 1), (1, 3), [(1, 4)]),
    ("Spring Festival", "春节", (2, 15), (2, 23), [(2, 14), (2, 28)]),
    ("Qingming Festival", "清明节", (4, 4), (4, 6), []),
    ("Labour Day", "劳动节", (5, 1), (5, 5), [(5, 9)]),
    ("Dragon Boat Festival", "端午节", (6, 19), (6, 21), []),
    ("Mid-Autumn Festival", "中秋节", (9, 25), (9, 27), []),
    ("National Day", "国庆节", (10, 1), (10, 7), [(9, 20), (10, 10)]),
]

_HISTORY = """
-- A rate is compared with the one that counts, by the rule that holds, and decided once.
CREATE FUNCTION public.billing_rate_check()
RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    counting numeric;
    allowed numeric;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT jump_percent INTO allowed FROM public.billing_raterule
            WHERE (base, quote) = (NEW.base, NEW.quote);
        SELECT rate INTO counting FROM public.billing_exchangerate
            WHERE (base, quote, state) = (NEW.base, NEW.quote, 'ACTIVE') ORDER BY effective_at DESC, id DESC LIMIT 1;
        IF NEW.jump_percent IS DISTINCT FROM allowed OR NEW.compared_with IS DISTINCT FROM counting
           OR NEW.approved_by_id IS NOT NULL OR NEW.state = 'REFUSED' THEN
            RAISE EXCEPTION 'rate % is not compared with the one that counts', NEW.rate
                USING ERRCODE = 'check_violation', CONSTRAINT = 'rate_is_compared';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.state = 'WAITING'
       AND (OLD.id, OLD.base, OLD.quote, OLD.rate, OLD.source, OLD.stated_at, OLD.compared_with, OLD.jump_percent,
            OLD.entered_by_id, OLD.loaded_for, OLD.created_at)
       IS NOT DISTINCT FROM
           (NEW.id, NEW.base, NEW.quote, NEW.rate, NEW.source, NEW.stated_at, NEW.compared_with, NEW.jump_percent,
            NEW.entered_by_id, NEW.loaded_for, NEW.created_at) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% of an exchange rate is refused: rates are history', TG_OP
        USING ERRCODE = 'check_violation', CONSTRAINT = 'rate_is_history';
END
$$;
REVOKE ALL ON FUNCTION public.billing_rate_check FROM PUBLIC;
CREATE TRIGGER rate_is_history BEFORE INSERT OR UPDATE OR DELETE ON public.billing_exchangerate
    FOR EACH ROW EXECUTE FUNCTION public.billing_rate_check();
CREATE TRIGGER rate_is_never_emptied BEFORE TRUNCATE ON public.billing_exchangerate
    FOR EACH STATEMENT EXECUTE FUNCTION public.billing_rate_check();
"""

_NO_HISTORY = """
DROP TRIGGER rate_is_history ON public.billing_exchangerate;
DROP TRIGGER rate_is_never_emptied ON public.billing_exchangerate;
DROP FUNCTION public.billing_rate_check;
"""


def add_offline_limits(apps, schema_editor):
    limits = apps.get_model("billing", "TopUpLimit").objects.using(schema_editor.connection.alias)
    for currency, minimum, maximum, presets in _OFFLINE_LIMITS:
        limits.get_or_create(
            method="OFFLINE",
            currency=currency,
            defaults={
                "id": new_id(),
                "minimum": Decimal(minimum),
                "maximum": Decimal(maximum),
                "presets": [Decimal(amount) for amount in presets],
                "days_to_pay": 14,
            },
        )


def add_rule(apps, schema_editor):
    apps.get_model("billing", "RateRule").objects.using(schema_editor.connection.alias).create(
        id=new_id(), base="USD", quote="CNY", max_age_hours=26, jump_percent=Decimal(5), quote_hours=48
    )


def add_holidays(apps, schema_editor):
    model = apps.get_model("billing", "SpecialDay")
    days = []
    for name, name_zh, first, last, worked in _HOLIDAYS_2026:
        begin, end = date(2026, *first), date(2026, *last)
        free = [begin + timedelta(days=after) for after in range((end - begin).days + 1)]
        days += [model(id=new_id(), day=day, is_working_day=False, name=name, name_zh=name_zh) for day in free]
        days += [
            model(
                id=new_id(),
                day=date(2026, *day),
                is_working_day=True,
                name=f"Worked for {name}",
                name_zh=f"{name_zh}调休上班",
            )
            for day in worked
        ]
    model.objects.using(schema_editor.connection.alias).bulk_create(days)


def keep_history(apps, schema_editor):
    role = schema_editor.quote_name(settings.DATABASES["default"]["USER"])
    schema_editor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON billing_exchangerate FROM {role}")
    schema_editor.execute(
        "GRANT UPDATE (state, effective_at, approved_by_id, approved_at, refused_by_id, refused_at, note)"
        f" ON billing_exchangerate TO {role}"
    )
    schema_editor.execute(f"REVOKE INSERT, DELETE, TRUNCATE ON billing_raterule FROM {role}")


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_rates_and_working_days")]
    operations = [
        migrations.RunPython(add_offline_limits, migrations.RunPython.noop),
        migrations.RunPython(add_rule, migrations.RunPython.noop),
        migrations.RunPython(add_holidays, migrations.RunPython.noop),
        migrations.RunSQL(_HISTORY, _NO_HISTORY),
        migrations.RunPython(keep_history, migrations.RunPython.noop),
    ]
