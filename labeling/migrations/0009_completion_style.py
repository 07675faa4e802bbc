from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns for how much a completion is formatted.

    The default is a constant, so that no row is written anew. Workers count old rows batch by
    batch; the index by which they find them comes last, in a migration of its own.
    """

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
    ]
