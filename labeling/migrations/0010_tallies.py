import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    """What the board is computed from, kept; and the triggers that say what is to be counted.

    Nothing is counted here: workers count a campaign that has no board yet.
    """

    dependencies = [
        ("labeling", "0009_completion_style"),
    ]

    operations = [
        # Each trigger locks its table against writers, until the last one is there. Who holds one
        # of these tables for long would have all others queue behind this: rather give up, with
        # nothing changed, and be run again.
        migrations.RunSQL("SET LOCAL lock_timeout = '10s'", migrations.RunSQL.noop),
        migrations.CreateModel(
            name="Board",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("numbers", models.JSONField()),
                ("method_version", models.CharField(max_length=40)),
                ("counted_at", models.DateTimeField()),
                ("is_behind", models.BooleanField(db_default=False, default=False)),
                (
                    "recorded_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
        ),
        migrations.CreateModel(
            name="DueTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ItemTally",
            fields=[
                (
                    "comparison",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="tally",
                        serialize=False,
                        to="labeling.comparison",
                    ),
                ),
                ("source_a", models.BigIntegerField()),
                ("source_b", models.BigIntegerField()),
                ("is_gold", models.BooleanField()),
                ("people", models.PositiveIntegerField()),
                ("a", models.PositiveIntegerField()),
                ("tie", models.PositiveIntegerField(help_text="Both bad among them.")),
                ("b", models.PositiveIntegerField()),
                ("both_bad", models.PositiveIntegerField()),
                ("left_a", models.PositiveIntegerField()),
                ("left_b", models.PositiveIntegerField()),
                ("chose_left", models.PositiveIntegerField()),
                (
                    "scores",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveIntegerField(), size=None
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="TallyPattern",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.PositiveSmallIntegerField(
                        choices=[(0, "Answers"), (1, "Sides"), (2, "Sums"), (3, "Scores")]
                    ),
                ),
                (
                    "counts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), size=None
                    ),
                ),
                ("items", models.BigIntegerField()),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="adjudication",
            trigger=pgtrigger.compiler.Trigger(
                name="tally_new",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO labeling_duetally (campaign_id, comparison_id) SELECT campaign_id, comparison_id FROM new_rows;\nRETURN NULL;",
                    hash="4b548211d92612408b1436ec8fc025f7b895420c",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_tally_new_5bfcd",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="labeling_adjudication",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="comparison",
            trigger=pgtrigger.compiler.Trigger(
                name="tally_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO labeling_duetally (campaign_id, comparison_id) SELECT n.campaign_id, n.id FROM new_rows n JOIN old_rows o ON o.id = n.id LEFT JOIN labeling_round now_in ON now_in.id = n.round_id LEFT JOIN labeling_round was_in ON was_in.id = o.round_id WHERE n.round_id IS DISTINCT FROM o.round_id AND 'qualification' IN (now_in.kind, was_in.kind);\nRETURN NULL;",
                    hash="87cd268def23547dee70bcdc55ed85dea06f628d",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_tally_changed_ab582",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="labeling_comparison",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="excludedjudgment",
            trigger=pgtrigger.compiler.Trigger(
                name="tally_new",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO labeling_duetally (campaign_id, comparison_id) SELECT DISTINCT j.campaign_id, j.comparison_id FROM new_rows n JOIN labeling_judgment j ON j.id = n.judgment_id;\nRETURN NULL;",
                    hash="528c206ffdd77eae30456759ca4f3c2503f3b654",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_tally_new_6d19d",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="labeling_excludedjudgment",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="exclusion",
            trigger=pgtrigger.compiler.Trigger(
                name="tally_changed",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO labeling_duetally (campaign_id, comparison_id) SELECT DISTINCT j.campaign_id, j.comparison_id FROM new_rows n JOIN labeling_excludedjudgment x ON x.exclusion_id = n.id JOIN labeling_judgment j ON j.id = x.judgment_id;\nRETURN NULL;",
                    hash="375b2bf31d4499c36633ed10f86df5c8e4bec9f6",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_tally_changed_d8719",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="labeling_exclusion",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gold",
            trigger=pgtrigger.compiler.Trigger(
                name="tally_new",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO labeling_duetally (campaign_id, comparison_id) SELECT c.campaign_id, c.id FROM new_rows g\n  JOIN labeling_comparison c ON c.id = g.comparison_id;\nRETURN NULL;",
                    hash="bc64d981477f52496963d118941f765cc11dfee8",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_tally_new_f7c2e",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="labeling_gold",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="gold",
            trigger=pgtrigger.compiler.Trigger(
                name="tally_gone",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO labeling_duetally (campaign_id, comparison_id) SELECT c.campaign_id, c.id FROM old_rows g\n  JOIN labeling_comparison c ON c.id = g.comparison_id;\nRETURN NULL;",
                    hash="9f819ce73aa88c114578925f739487d9a0f173ca",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_tally_gone_65577",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="labeling_gold",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="judgment",
            trigger=pgtrigger.compiler.Trigger(
                name="tally_new",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO labeling_duetally (campaign_id, comparison_id) SELECT DISTINCT campaign_id, comparison_id FROM new_rows;\nRETURN NULL;",
                    hash="151480b7e52d83da5d2dd425fb9d315671deb04e",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_tally_new_eb00f",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="labeling_judgment",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="judgment",
            trigger=pgtrigger.compiler.Trigger(
                name="tally_gone",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO labeling_duetally (campaign_id, comparison_id) SELECT DISTINCT campaign_id, comparison_id FROM old_rows;\nRETURN NULL;",
                    hash="d7d718e4db231dbf7a7ac99ad1ac4ed52acf823e",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_tally_gone_d8861",
                    referencing="REFERENCING OLD TABLE AS old_rows ",
                    table="labeling_judgment",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="withdrawal",
            trigger=pgtrigger.compiler.Trigger(
                name="tally_new",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="INSERT INTO labeling_duetally (campaign_id, comparison_id) SELECT j.campaign_id, j.comparison_id FROM new_rows n JOIN labeling_judgment j ON j.id = n.judgment_id;\nRETURN NULL;",
                    hash="c21bc993f0cdcb11f332ae3c900a26fb4465109f",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_tally_new_ac82f",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="labeling_withdrawal",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="board",
            name="campaign",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="board",
                to="labeling.campaign",
            ),
        ),
        migrations.AddField(
            model_name="duetally",
            name="campaign",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="labeling.campaign",
            ),
        ),
        migrations.AddField(
            model_name="duetally",
            name="comparison",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="labeling.comparison",
            ),
        ),
        migrations.AddField(
            model_name="itemtally",
            name="campaign",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="labeling.campaign",
            ),
        ),
        migrations.AddField(
            model_name="tallypattern",
            name="campaign",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="labeling.campaign",
            ),
        ),
        migrations.AddIndex(
            model_name="duetally",
            index=models.Index(fields=["campaign", "id"], name="duetally_campaign"),
        ),
        migrations.AddIndex(
            model_name="tallypattern",
            index=models.Index(
                condition=models.Q(("items__lte", 0)), fields=["campaign"], name="tallypattern_gone"
            ),
        ),
        migrations.AddConstraint(
            model_name="tallypattern",
            constraint=models.UniqueConstraint(
                fields=("campaign", "kind", "counts"), name="tallypattern_once"
            ),
        ),
    ]
