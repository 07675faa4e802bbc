import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("labeling", "0002_comparison_turned"),
    ]

    operations = [
        migrations.CreateModel(
            name="RunEndpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(help_text="0 is the baseline.")),
                ("name", models.CharField(max_length=120)),
                ("model", models.CharField(max_length=200)),
                ("sampling", models.JSONField(default=dict)),
                (
                    "params_key",
                    models.BinaryField(
                        help_text="sha256 of model and sampling, canonical.", max_length=32
                    ),
                ),
            ],
            options={
                "ordering": ["run", "position"],
            },
        ),
        migrations.RemoveIndex(
            model_name="generationslot",
            name="slot_queue",
        ),
        migrations.AddField(
            model_name="endpoint",
            name="rests_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="endpoint",
            name="strike_count",
            field=models.PositiveIntegerField(default=0),
        ),
        # No version before this one made runs, so there is no row to give a job to.
        migrations.AddField(
            model_name="generationrun",
            name="job",
            field=models.ForeignKey(
                default=None,
                on_delete=django.db.models.deletion.RESTRICT,
                related_name="generation_runs",
                to="labeling.job",
            ),
            preserve_default=False,
        ),
        migrations.AddIndex(
            model_name="generationslot",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "leased"])),
                fields=["run", "endpoint", "id"],
                name="slot_queue",
            ),
        ),
        migrations.AddConstraint(
            model_name="generationrun",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["running", "paused"])),
                fields=("campaign",),
                name="generationrun_one_at_a_time",
            ),
        ),
        migrations.AddField(
            model_name="runendpoint",
            name="endpoint",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.endpoint",
            ),
        ),
        migrations.AddField(
            model_name="runendpoint",
            name="run",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="run_endpoints",
                to="labeling.generationrun",
            ),
        ),
        migrations.AddConstraint(
            model_name="runendpoint",
            constraint=models.UniqueConstraint(fields=("run", "endpoint"), name="runendpoint_once"),
        ),
        migrations.AddConstraint(
            model_name="runendpoint",
            constraint=models.UniqueConstraint(
                fields=("run", "position"), name="runendpoint_position"
            ),
        ),
    ]
