"""Seeds of second factors are stored encrypted by the first of DATA_KEYS. The way back needs the keys too."""

from django.db import migrations

from wallet import ciphers

SEEDS = ("secret", "seed")


def encrypt(apps, schema_editor):
    for factor in _find(apps, schema_editor):
        for name in _list_seeds(factor):
            factor.data[name] = ciphers.encrypt(text=factor.data[name])
        if "migrated_codes" in factor.data:
            factor.data["migrated_codes"] = [ciphers.encrypt(text=code) for code in factor.data["migrated_codes"]]
        factor.save(update_fields=["data"])


def decrypt(apps, schema_editor):
    for factor in _find(apps, schema_editor):
        for name in _list_seeds(factor):
            factor.data[name] = ciphers.decrypt(text=factor.data[name])
        if "migrated_codes" in factor.data:
            factor.data["migrated_codes"] = [ciphers.decrypt(text=code) for code in factor.data["migrated_codes"]]
        factor.save(update_fields=["data"])


def _find(apps, schema_editor):
    factors = apps.get_model("mfa", "Authenticator").objects.using(schema_editor.connection.alias)
    return factors.filter(type__in=["totp", "recovery_codes"])


def _list_seeds(factor):
    return [name for name in SEEDS if name in factor.data]


class Migration(migrations.Migration):

    dependencies = [
        ('innopaas', '0010_card_money_staff'),
        ('mfa', '0003_authenticator_type_uniq'),
    ]

    operations = [migrations.RunPython(encrypt, decrypt)]
