"""What signs callbacks is stored encrypted by the first of DATA_KEYS. The way back needs the keys too."""

from django.db import migrations, models
from django.db.models import Q

from wallet import ciphers


def encrypt(apps, schema_editor):
    for endpoint in _find(apps, schema_editor):
        endpoint.secret_encrypted = ciphers.encrypt(text=endpoint.secret_encrypted)
        endpoint.save(update_fields=["secret_encrypted"])


def decrypt(apps, schema_editor):
    for endpoint in _find(apps, schema_editor):
        endpoint.secret_encrypted = ciphers.decrypt(text=endpoint.secret_encrypted)
        endpoint.save(update_fields=["secret_encrypted"])


def _find(apps, schema_editor):
    return apps.get_model("billing", "CallbackEndpoint").objects.using(schema_editor.connection.alias)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0014_giving_way'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='callbackendpoint',
            name='callback_endpoint_can_sign',
        ),
        migrations.RenameField(
            model_name='callbackendpoint',
            old_name='secret',
            new_name='secret_encrypted',
        ),
        migrations.AlterField(
            model_name='callbackendpoint',
            name='secret_encrypted',
            field=models.CharField(editable=False, max_length=200),
        ),
        migrations.RunPython(encrypt, decrypt),
        migrations.AddConstraint(
            model_name='callbackendpoint',
            constraint=models.CheckConstraint(condition=Q(('secret_encrypted__startswith', 'gAAAA'), Q(('username', ''), _negated=True)), name='callback_endpoint_can_sign'),
        ),
    ]
