from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The index of completions whose formatting is still to be counted.

    It is built beside those who write, so outside a transaction, and alone: it can be run again
    after it failed, which leaves behind an index of that name that does not work.
    """

    atomic = False

    dependencies = [
        ("labeling", "0010_tallies"),
    ]

    operations = [
        migrations.RunSQL(
            "DROP INDEX CONCURRENTLY IF EXISTS completion_style", migrations.RunSQL.noop
        ),
        AddIndexConcurrently(
            model_name="completion",
            index=models.Index(
                condition=models.Q(("list_count", -1)), fields=["id"], name="completion_style"
            ),
        ),
    ]
