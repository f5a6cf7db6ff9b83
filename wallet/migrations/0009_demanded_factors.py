"""An organisation may ask its members for a second factor."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('wallet', '0008_sessions'),
    ]

    operations = [
        migrations.AddField(
            model_name='organisation',
            name='demands_second_factor',
            field=models.BooleanField(db_default=False, default=False, verbose_name='members need a second factor'),
        ),
    ]
