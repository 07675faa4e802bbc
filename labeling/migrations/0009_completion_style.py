from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns for how much a completion is formatted.

    The default is a constant, so that no row is written anew; the index, of the rows that are still
    to be counted, is built beside those who write. Workers count old rows batch by batch.
    """

    atomic = False

    dependencies = [
        ("labeling", "0008_generation_and_judges"),
    ]

    operations = [
        migrations.AddField(
            model_name="completion",
            name="header_count",
            field=models.IntegerField(db_default=-1, default=-1),
        ),
        migrations.AddField(
            model_name="completion",
            name="bold_count",
            field=models.IntegerField(db_default=-1, default=-1),
        ),
        migrations.AddField(
            model_name="completion",
            name="list_count",
            field=models.IntegerField(db_default=-1, default=-1),
        ),
        AddIndexConcurrently(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("list_count", -1)), fields=["id"], name="completion_style"
            ),
        ),
    ]
