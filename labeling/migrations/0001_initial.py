import django.contrib.auth.models
import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="Completion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("messages", models.JSONField(null=True)),
                ("content_hash", models.BinaryField(max_length=32)),
                (
                    "char_count",
                    models.PositiveIntegerField(
                        default=0,
                        help_text="Code points of all text parts, for the length statistics.",
                    ),
                ),
                ("finish_reason", models.CharField(blank=True, default="", max_length=32)),
                ("token_times", models.JSONField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Organisation",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("slug", models.SlugField(unique=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        error_messages={"unique": "A user with that username already exists."},
                        help_text="Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.",
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                        verbose_name="username",
                    ),
                ),
                (
                    "first_name",
                    models.CharField(blank=True, max_length=150, verbose_name="first name"),
                ),
                (
                    "last_name",
                    models.CharField(blank=True, max_length=150, verbose_name="last name"),
                ),
                (
                    "email",
                    models.EmailField(blank=True, max_length=254, verbose_name="email address"),
                ),
                (
                    "is_staff",
                    models.BooleanField(
                        default=False,
                        help_text="Designates whether the user can log into this admin site.",
                        verbose_name="staff status",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Designates whether this user should be treated as active. Unselect this instead of deleting accounts.",
                        verbose_name="active",
                    ),
                ),
                (
                    "date_joined",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="date joined"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("is_simulated", models.BooleanField(default=False)),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "abstract": False,
            },
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("slug", models.SlugField(max_length=80, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True, default="")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("active", "Active"),
                            ("paused", "Paused"),
                            ("completed", "Completed"),
                            ("archived", "Archived"),
                        ],
                        default="draft",
                        max_length=16,
                    ),
                ),
                (
                    "overlap",
                    models.PositiveSmallIntegerField(
                        default=3, help_text="Judgments wanted of a comparison."
                    ),
                ),
                ("lease_seconds", models.PositiveIntegerField(default=1800)),
                (
                    "revise_seconds",
                    models.PositiveIntegerField(
                        default=600,
                        help_text="How long a rater may undo a judgment; it is superseded, never edited.",
                    ),
                ),
                ("schema", models.JSONField(default=dict)),
                ("presentation", models.JSONField(default=dict)),
                ("requirements", models.JSONField(default=dict)),
                (
                    "attribution",
                    models.TextField(
                        blank=True, default="", help_text="Whose data this is, and its licence."
                    ),
                ),
                (
                    "is_simulated",
                    models.BooleanField(
                        default=False,
                        help_text="Judged by simulated raters; said wherever its numbers are shown.",
                    ),
                ),
                (
                    "pseudonym_key",
                    models.CharField(
                        editable=False,
                        help_text="So that pseudonyms cannot be linked across campaigns.",
                        max_length=64,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="campaigns",
                        to="labeling.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Comparison",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("external_id", models.TextField(null=True)),
                (
                    "is_turned",
                    models.BooleanField(
                        db_default=False,
                        default=False,
                        help_text="The file that brought it calls our b its a.",
                    ),
                ),
                ("selection_policy", models.CharField(blank=True, default="", max_length=32)),
                ("propensity", models.FloatField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="comparisons",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "completion_a",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="labeling.completion",
                    ),
                ),
                (
                    "completion_b",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="labeling.completion",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                (
                    "kind",
                    models.CharField(
                        choices=[("openai_compatible", "Openai Compatible"), ("demo", "Demo")],
                        default="openai_compatible",
                        max_length=24,
                    ),
                ),
                ("base_url", models.CharField(blank=True, default="", max_length=500)),
                ("model", models.CharField(max_length=200)),
                ("sampling", models.JSONField(default=dict)),
                ("limits", models.JSONField(default=dict)),
                ("price", models.JSONField(default=dict)),
                ("encrypted_key", models.BinaryField(null=True)),
                ("key_host", models.CharField(blank=True, default="", max_length=255)),
                ("disabled_reason", models.CharField(blank=True, default="", max_length=500)),
                ("strike_count", models.PositiveIntegerField(default=0)),
                ("rests_until", models.DateTimeField(null=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="endpoints",
                        to="labeling.organisation",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GuidelineVersion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("number", models.PositiveIntegerField(null=True)),
                (
                    "body",
                    models.TextField(
                        help_text="Markdown; a clause is a heading that begins with its id."
                    ),
                ),
                ("clauses", models.JSONField(default=list)),
                ("change_note", models.TextField(blank=True, default="")),
                ("published_at", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="guidelines",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "published_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["campaign", "number"],
            },
        ),
        migrations.CreateModel(
            name="IdempotentRequest",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=255)),
                (
                    "fingerprint",
                    models.BinaryField(help_text="sha256 of method, path and body.", max_length=32),
                ),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("body", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Job",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("kind", models.CharField(max_length=32)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=16,
                    ),
                ),
                ("done", models.PositiveBigIntegerField(default=0)),
                ("total", models.PositiveBigIntegerField(null=True)),
                ("result", models.JSONField(null=True)),
                ("error", models.JSONField(null=True)),
                ("parameters", models.JSONField(default=dict)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("is_cancel_requested", models.BooleanField(default=False)),
                ("beat_at", models.DateTimeField(null=True)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="jobs",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImportProblem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("line", models.PositiveBigIntegerField()),
                ("field", models.CharField(blank=True, default="", max_length=200)),
                ("message", models.TextField()),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="problems",
                        to="labeling.job",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Import",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("file", models.FileField(upload_to="imports/%Y/%m/")),
                ("original_name", models.CharField(blank=True, default="", max_length=255)),
                ("byte_count", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("kind", models.CharField(max_length=16)),
                ("layout", models.CharField(default="native", max_length=24)),
                ("is_lenient", models.BooleanField(default=False)),
                ("is_dry_run", models.BooleanField(default=False)),
                (
                    "job",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="imported_file",
                        to="labeling.job",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GenerationRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("finished", "Finished"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="running",
                        max_length=16,
                    ),
                ),
                ("completions_per_prompt", models.PositiveSmallIntegerField(default=1)),
                ("pairing", models.CharField(default="all", max_length=16)),
                ("seed", models.BigIntegerField(default=0)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="generation_runs",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="generation_runs",
                        to="labeling.job",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Lane",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "audience",
                    models.CharField(
                        blank=True, default="", help_text="Skills needed.", max_length=200
                    ),
                ),
                (
                    "rank",
                    models.IntegerField(
                        default=0, help_text="Lanes of lower rank are served first."
                    ),
                ),
                ("tail", models.BigIntegerField(db_default=0, default=0)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="lanes",
                        to="labeling.campaign",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Assignment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("ordinal", models.PositiveSmallIntegerField(null=True)),
                ("position", models.BigIntegerField()),
                (
                    "a_on_left",
                    models.BooleanField(
                        help_text="Dealt evenly when the round opens; never changes."
                    ),
                ),
                (
                    "arm",
                    models.CharField(
                        blank=True, default="", help_text="Presentation arm.", max_length=60
                    ),
                ),
                ("leased_until", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("completed", "Completed"),
                            ("skipped", "Skipped"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=16,
                        null=True,
                    ),
                ),
                ("skip_reason", models.CharField(blank=True, default="", max_length=200)),
                (
                    "repeat_of",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="repeats",
                        to="labeling.assignment",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "comparison",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="assignments",
                        to="labeling.comparison",
                    ),
                ),
                (
                    "lane",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="assignments",
                        to="labeling.lane",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("owner", "Owner"),
                            ("manager", "Manager"),
                            ("researcher", "Researcher"),
                            ("reviewer", "Reviewer"),
                            ("rater", "Rater"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="OrganisationMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("owner", "Owner"), ("manager", "Manager"), ("member", "Member")],
                        default="member",
                        max_length=16,
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="memberships",
                        to="labeling.organisation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="organisation_memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="organisation",
            name="members",
            field=models.ManyToManyField(
                related_name="organisations",
                through="labeling.OrganisationMember",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.CreateModel(
            name="Prompt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("external_id", models.TextField(null=True)),
                ("content_hash", models.BinaryField(max_length=32)),
                ("messages", models.JSONField()),
                ("language", models.CharField(blank=True, default="", max_length=35)),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), default=list, size=None
                    ),
                ),
                ("metadata", models.JSONField(default=dict)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="prompts",
                        to="labeling.campaign",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="GenerationSlot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "params_key",
                    models.BinaryField(
                        help_text="sha256 of model and sampling, canonical.", max_length=32
                    ),
                ),
                ("sample", models.PositiveSmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("leased", "Leased"),
                            ("filled", "Filled"),
                            ("failed", "Failed"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="waiting",
                        max_length=16,
                    ),
                ),
                ("fence", models.PositiveIntegerField(default=0)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("leased_until", models.DateTimeField(null=True)),
                ("not_before", models.DateTimeField(null=True)),
                ("error_kind", models.CharField(blank=True, default="", max_length=40)),
                ("error", models.TextField(blank=True, default="")),
                ("provenance", models.JSONField(default=dict)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "completion",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="slots",
                        to="labeling.completion",
                    ),
                ),
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="slots",
                        to="labeling.endpoint",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="slots",
                        to="labeling.generationrun",
                    ),
                ),
                (
                    "prompt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="slots",
                        to="labeling.prompt",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="completion",
            name="prompt",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="completions",
                to="labeling.prompt",
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="prompt",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="comparisons",
                to="labeling.prompt",
            ),
        ),
        migrations.CreateModel(
            name="Rater",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("human", "Human"), ("judge", "Judge")],
                        default="human",
                        max_length=8,
                    ),
                ),
                ("is_simulated", models.BooleanField(default=False)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="raters",
                        to="labeling.organisation",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="raters",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Judgment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("preference", models.CharField(max_length=8)),
                (
                    "strength",
                    models.PositiveSmallIntegerField(
                        help_text="1 slightly … 3 much better.", null=True
                    ),
                ),
                (
                    "criteria",
                    models.JSONField(default=dict, help_text='{"helpful": "a" | "b" | "tie"}'),
                ),
                ("quality_a", models.PositiveSmallIntegerField(null=True)),
                ("quality_b", models.PositiveSmallIntegerField(null=True)),
                ("rationale", models.TextField(blank=True, default="")),
                (
                    "clauses",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None
                    ),
                ),
                ("steps", models.JSONField(default=dict)),
                ("edited", models.JSONField(help_text='{"side": "a" | "b", "text": …}', null=True)),
                (
                    "flags",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=40), default=list, size=None
                    ),
                ),
                ("shown_left", models.CharField(max_length=1, null=True)),
                ("presentation_arm", models.CharField(blank=True, default="", max_length=60)),
                ("active_ms", models.PositiveIntegerField(null=True)),
                ("client", models.JSONField(default=dict)),
                ("is_repeat", models.BooleanField(default=False)),
                ("external_id", models.TextField(null=True)),
                ("row_hash", models.BinaryField(max_length=32, null=True)),
                (
                    "judged_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="When the rater decided; created_at is when we stored it.",
                    ),
                ),
                ("xid", models.BigIntegerField(editable=False)),
                (
                    "assignment",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="judgments",
                        to="labeling.assignment",
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="judgments",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "comparison",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="judgments",
                        to="labeling.comparison",
                    ),
                ),
                (
                    "guideline_version",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="judgments",
                        to="labeling.guidelineversion",
                    ),
                ),
                (
                    "supersedes",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="labeling.judgment",
                    ),
                ),
                (
                    "rater",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="judgments",
                        to="labeling.rater",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("verb", models.CharField(max_length=60)),
                (
                    "subject",
                    models.UUIDField(help_text="Public id of what it was done to.", null=True),
                ),
                ("details", models.JSONField(default=dict)),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "rater",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="labeling.rater",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="assignment",
            name="lapsed_from",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="labeling.rater",
            ),
        ),
        migrations.AddField(
            model_name="assignment",
            name="rater",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="assignments",
                to="labeling.rater",
            ),
        ),
        migrations.CreateModel(
            name="Report",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("through_judgment", models.UUIDField(null=True)),
                ("event_count", models.PositiveBigIntegerField()),
                ("judgment_count", models.PositiveBigIntegerField()),
                ("method_version", models.CharField(max_length=40)),
                ("body", models.JSONField()),
                ("computed_at", models.DateTimeField()),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="reports",
                        to="labeling.campaign",
                    ),
                ),
            ],
            options={
                "get_latest_by": "computed_at",
            },
        ),
        migrations.CreateModel(
            name="Round",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("name", models.CharField(blank=True, default="", max_length=200)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("production", "Production"),
                            ("qualification", "Qualification"),
                            ("calibration", "Calibration"),
                            ("adjudication", "Adjudication"),
                        ],
                        default="production",
                        max_length=16,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")],
                        default="open",
                        max_length=16,
                    ),
                ),
                ("overlap", models.PositiveSmallIntegerField()),
                (
                    "pairing",
                    models.CharField(
                        default="given", help_text="How its pairs were chosen.", max_length=32
                    ),
                ),
                (
                    "seed",
                    models.BigIntegerField(help_text="Of the shuffles of sides, arms and order."),
                ),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rounds",
                        to="labeling.campaign",
                    ),
                ),
            ],
            options={
                "ordering": ["campaign", "number"],
            },
        ),
        migrations.AddField(
            model_name="generationrun",
            name="round",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="generation_runs",
                to="labeling.round",
            ),
        ),
        migrations.AddField(
            model_name="comparison",
            name="round",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="comparisons",
                to="labeling.round",
            ),
        ),
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
                (
                    "endpoint",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="labeling.endpoint",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="run_endpoints",
                        to="labeling.generationrun",
                    ),
                ),
            ],
            options={
                "ordering": ["run", "position"],
            },
        ),
        migrations.CreateModel(
            name="Seat",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True, help_text="May claim. Imported raters may not."
                    ),
                ),
                ("turn", models.BigIntegerField(db_default=0, default=0)),
                (
                    "pseudonym",
                    models.CharField(
                        help_text="Keyed by the campaign; what exports say.", max_length=40
                    ),
                ),
                (
                    "external_id",
                    models.TextField(
                        help_text="The id an imported file gave the rater.", null=True
                    ),
                ),
                (
                    "groups",
                    models.JSONField(
                        default=dict, help_text='{"group": "value"} for per-group analysis.'
                    ),
                ),
                (
                    "skills",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=60), default=list, size=None
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="seats",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "rater",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="seats",
                        to="labeling.rater",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Place",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("rank", models.IntegerField(default=0)),
                ("position", models.BigIntegerField(db_default=0, default=0)),
                (
                    "lane",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="places",
                        to="labeling.lane",
                    ),
                ),
                (
                    "seat",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="places",
                        to="labeling.seat",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Snapshot",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("name", models.CharField(max_length=200)),
                ("rule", models.CharField(max_length=24)),
                ("tie_policy", models.CharField(default="keep", max_length=8)),
                ("filters", models.JSONField(default=dict)),
                ("splits", models.JSONField(default=dict)),
                ("manifest", models.JSONField(default=dict)),
                ("sha256", models.CharField(blank=True, default="", max_length=64)),
                ("frozen_at", models.DateTimeField(null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="snapshots",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "supersedes",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="labeling.snapshot",
                    ),
                ),
            ],
            options={
                "ordering": ["campaign", "number"],
            },
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("model", models.TextField(null=True)),
                ("params", models.JSONField(default=dict)),
                (
                    "key",
                    models.BinaryField(
                        help_text="sha256 of model and params, canonical.", max_length=32
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sources",
                        to="labeling.campaign",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="completion",
            name="source",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="completions",
                to="labeling.source",
            ),
        ),
        migrations.CreateModel(
            name="Token",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("public_id", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=100)),
                (
                    "prefix",
                    models.CharField(
                        help_text="The first characters, to know it by.", max_length=12
                    ),
                ),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                (
                    "scopes",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("read", "read"),
                                ("rate", "rate"),
                                ("write", "write"),
                                ("admin", "admin"),
                            ],
                            max_length=8,
                        ),
                        size=None,
                    ),
                ),
                ("expires_at", models.DateTimeField(null=True)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                (
                    "campaigns",
                    models.ManyToManyField(blank=True, related_name="+", to="labeling.campaign"),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("xid", models.BigIntegerField(editable=False)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "judgment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="withdrawal",
                        to="labeling.judgment",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Gold",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("preference", models.CharField(max_length=8)),
                ("strength", models.PositiveSmallIntegerField(null=True)),
                ("explanation", models.TextField(blank=True, default="")),
                ("retired_at", models.DateTimeField(null=True)),
                (
                    "comparison",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="gold",
                        to="labeling.comparison",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("preference__in", ["a", "b", "tie", "both_bad"])),
                        name="gold_known_preference",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("strength", None), ("strength__lte", 3), _connector="OR"
                        ),
                        name="gold_strength_bounded",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="guidelineversion",
            constraint=models.UniqueConstraint(
                fields=("campaign", "number"), name="guidelineversion_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="guidelineversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("number", None), ("published_at", None)),
                    models.Q(("number__isnull", False), ("published_at__isnull", False)),
                    _connector="OR",
                ),
                name="guidelineversion_published_is_numbered",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="guidelineversion",
            trigger=pgtrigger.compiler.Trigger(
                name="published_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."published_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="26da8dd0fe3979d6a24625357de696b223f4426e",
                    operation="UPDATE",
                    pgid="pgtrigger_published_stays_3979b",
                    table="labeling_guidelineversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="idempotentrequest",
            constraint=models.UniqueConstraint(
                fields=("user", "key"), name="idempotentrequest_once"
            ),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(fields=["campaign", "-id"], name="job_newest"),
        ),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                condition=models.Q(("status__in", ["queued", "running"])),
                fields=["beat_at"],
                name="job_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="job",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["queued", "running", "succeeded", "failed", "cancelled"])
                ),
                name="job_known_status",
            ),
        ),
        migrations.AddIndex(
            model_name="importproblem",
            index=models.Index(fields=["job", "line"], name="importproblem_line"),
        ),
        migrations.AddConstraint(
            model_name="lane",
            constraint=models.UniqueConstraint(
                fields=("campaign", "audience", "rank"), name="lane_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(
                fields=("campaign", "user", "role"), name="membership_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("role__in", ["owner", "manager", "researcher", "reviewer", "rater"])
                ),
                name="membership_known_role",
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.UniqueConstraint(
                fields=("organisation", "name"), name="endpoint_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["openai_compatible", "demo"])),
                name="endpoint_known_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="endpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("base_url", ""), ("kind", "demo")),
                    models.Q(("base_url", ""), _negated=True),
                    _connector="OR",
                ),
                name="endpoint_has_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["draft", "active", "paused", "completed", "archived"])
                ),
                name="campaign_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("overlap__range", (1, 100))), name="campaign_overlap_bounded"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("lease_seconds__range", (1, 604800))),
                name="campaign_lease_bounded",
            ),
        ),
        migrations.AddConstraint(
            model_name="organisationmember",
            constraint=models.UniqueConstraint(
                fields=("organisation", "user"), name="organisationmember_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="organisationmember",
            constraint=models.CheckConstraint(
                condition=models.Q(("role__in", ["owner", "manager", "member"])),
                name="organisationmember_known_role",
            ),
        ),
        migrations.AddIndex(
            model_name="prompt",
            index=models.Index(fields=["campaign", "content_hash"], name="prompt_content"),
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id__isnull", False)),
                fields=("campaign", "external_id"),
                name="prompt_external_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="prompt",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", None)),
                fields=("campaign", "content_hash"),
                name="prompt_once_without_id",
            ),
        ),
        migrations.AddIndex(
            model_name="generationslot",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "leased"])),
                fields=["run", "endpoint", "id"],
                name="slot_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="generationslot",
            index=models.Index(
                condition=models.Q(("state", "leased")), fields=["leased_until"], name="slot_leases"
            ),
        ),
        migrations.AddConstraint(
            model_name="generationslot",
            constraint=models.UniqueConstraint(
                fields=("prompt", "endpoint", "params_key", "sample"), name="slot_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="generationslot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ["waiting", "leased", "filled", "failed", "cancelled"])
                ),
                name="slot_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="generationslot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("completion__isnull", False), ("state", "filled")),
                    models.Q(models.Q(("state", "filled"), _negated=True), ("completion", None)),
                    _connector="OR",
                ),
                name="slot_filled_has_completion",
            ),
        ),
        migrations.AddConstraint(
            model_name="rater",
            constraint=models.UniqueConstraint(
                condition=models.Q(("user__isnull", False)),
                fields=("organisation", "user"),
                name="rater_once_per_user",
            ),
        ),
        migrations.AddConstraint(
            model_name="rater",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["human", "judge"])), name="rater_known_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="rater",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "human"), ("user", None), _connector="OR"),
                name="rater_judge_no_user",
            ),
        ),
        migrations.AddIndex(
            model_name="judgment",
            index=models.Index(fields=["campaign", "id"], name="judgment_campaign"),
        ),
        migrations.AddIndex(
            model_name="judgment",
            index=models.Index(fields=["comparison"], name="judgment_comparison"),
        ),
        migrations.AddIndex(
            model_name="judgment",
            index=models.Index(fields=["xid"], name="judgment_xid"),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("assignment__isnull", False), ("supersedes", None)),
                fields=("assignment",),
                name="judgment_once_per_assignment",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id__isnull", False)),
                fields=("campaign", "external_id"),
                name="judgment_external_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", None), ("row_hash__isnull", False)),
                fields=("campaign", "row_hash"),
                name="judgment_import_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.CheckConstraint(
                condition=models.Q(("preference__in", ["a", "b", "tie", "both_bad"])),
                name="judgment_preference",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("strength", None),
                    models.Q(("preference__in", ["a", "b"]), ("strength__range", (1, 3))),
                    models.Q(("preference__in", ["tie", "both_bad"]), ("strength", 0)),
                    _connector="OR",
                ),
                name="judgment_strength_fits",
            ),
        ),
        migrations.AddConstraint(
            model_name="judgment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("shown_left", None), ("shown_left__in", ["a", "b"]), _connector="OR"
                ),
                name="judgment_shown_left",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="judgment",
            trigger=pgtrigger.compiler.Trigger(
                name="never_edited",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="e030b9968868e51d855fc2cc7977785d73937bd1",
                    operation="UPDATE",
                    pgid="pgtrigger_never_edited_c2960",
                    table="labeling_judgment",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["campaign", "-id"], name="auditevent_newest"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="auditevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ea319243ad2ad2fe88b49ebd8a4692c203f3c441",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_9c2e6",
                    table="labeling_auditevent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("rater", None)),
                fields=["lane", "position"],
                name="assignment_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("rater__isnull", False)),
                fields=["campaign", "leased_until"],
                name="assignment_live",
            ),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(("ended_at", None), ("rater__isnull", False)),
                fields=["rater", "campaign"],
                name="assignment_held",
            ),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(fields=["rater", "ended_at"], name="assignment_rater_history"),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("rater__isnull", False), ("repeat_of", None)),
                fields=("comparison", "rater"),
                name="assignment_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("outcome", None), ("outcome", "completed"), _connector="OR"),
                fields=("comparison", "ordinal"),
                name="assignment_ordinal",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("leased_until", None), ("rater", None)),
                    models.Q(("leased_until__isnull", False), ("rater__isnull", False)),
                    _connector="OR",
                ),
                name="assignment_lease_has_rater",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("outcome", None)),
                    models.Q(("ended_at__isnull", False), ("outcome__isnull", False)),
                    _connector="OR",
                ),
                name="assignment_ended_has_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome", None),
                    ("outcome__in", ["completed", "skipped", "cancelled"]),
                    _connector="OR",
                ),
                name="assignment_known_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="assignment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("rater__isnull", False),
                    ("outcome", None),
                    ("outcome", "cancelled"),
                    _connector="OR",
                ),
                name="assignment_done_by_someone",
            ),
        ),
        migrations.AddIndex(
            model_name="report",
            index=models.Index(fields=["campaign", "-computed_at"], name="report_newest"),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                fields=("campaign", "event_count", "method_version"), name="report_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="round",
            constraint=models.UniqueConstraint(fields=("campaign", "number"), name="round_number"),
        ),
        migrations.AddConstraint(
            model_name="round",
            constraint=models.CheckConstraint(
                condition=models.Q(("overlap__range", (1, 100))), name="round_overlap_bounded"
            ),
        ),
        migrations.AddConstraint(
            model_name="round",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ["production", "qualification", "calibration", "adjudication"])
                ),
                name="round_known_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="round",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closed_at", None), ("state", "open")),
                    models.Q(("closed_at__isnull", False), ("state", "closed")),
                    _connector="OR",
                ),
                name="round_closed_has_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="generationrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["running", "paused", "finished", "cancelled"])),
                name="generationrun_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="generationrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("pairing__in", ["all", "baseline", "uncertain"])),
                name="generationrun_known_pairing",
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
        migrations.AddIndex(
            model_name="comparison",
            index=models.Index(fields=["completion_a", "completion_b"], name="comparison_pair"),
        ),
        migrations.AddIndex(
            model_name="comparison",
            index=models.Index(
                condition=models.Q(("round", None)), fields=["campaign"], name="comparison_waiting"
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.CheckConstraint(
                condition=models.Q(("completion_a__lt", models.F("completion_b"))),
                name="comparison_a_before_b",
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id__isnull", False)),
                fields=("campaign", "external_id"),
                name="comparison_external_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id", None)),
                fields=("completion_a", "completion_b"),
                name="comparison_pair_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="comparison",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("propensity", None),
                    models.Q(("propensity__gt", 0), ("propensity__lte", 1)),
                    _connector="OR",
                ),
                name="comparison_propensity_is_probability",
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
        migrations.AddConstraint(
            model_name="seat",
            constraint=models.UniqueConstraint(fields=("rater", "campaign"), name="seat_once"),
        ),
        migrations.AddConstraint(
            model_name="seat",
            constraint=models.UniqueConstraint(
                fields=("campaign", "pseudonym"), name="seat_pseudonym"
            ),
        ),
        migrations.AddConstraint(
            model_name="seat",
            constraint=models.UniqueConstraint(
                condition=models.Q(("external_id__isnull", False)),
                fields=("campaign", "external_id"),
                name="seat_external_id",
            ),
        ),
        migrations.AddConstraint(
            model_name="place",
            constraint=models.UniqueConstraint(fields=("seat", "lane"), name="place_once"),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.UniqueConstraint(
                fields=("campaign", "number"), name="snapshot_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "rule__in",
                        ["each", "majority", "dawid_skene", "bradley_terry", "soft", "per_group"],
                    )
                ),
                name="snapshot_known_rule",
            ),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(("tie_policy__in", ["keep", "drop", "split"])),
                name="snapshot_known_ties",
            ),
        ),
        migrations.AddConstraint(
            model_name="snapshot",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("frozen_at", None), ("sha256", "")),
                    models.Q(("frozen_at__isnull", False), models.Q(("sha256", ""), _negated=True)),
                    _connector="OR",
                ),
                name="snapshot_frozen_has_hash",
            ),
        ),
        migrations.AddIndex(
            model_name="source",
            index=models.Index(fields=["campaign", "model"], name="source_model"),
        ),
        migrations.AddConstraint(
            model_name="source",
            constraint=models.UniqueConstraint(fields=("campaign", "key"), name="source_once"),
        ),
        migrations.AddConstraint(
            model_name="completion",
            constraint=models.UniqueConstraint(
                fields=("prompt", "content_hash", "source"), name="completion_once_per_source"
            ),
        ),
        migrations.AddConstraint(
            model_name="completion",
            constraint=models.CheckConstraint(
                condition=models.Q(("messages__isnull", False), ("char_count", 0), _connector="OR"),
                name="completion_unknown_text_has_no_length",
            ),
        ),
        migrations.RunSQL(
            # Transaction ids of 64 bits; and storage that suits a queue (docs/QUEUE.md).
            sql=[
                "ALTER TABLE labeling_judgment ALTER COLUMN xid TYPE xid8 USING xid::text::xid8, "
                "ALTER COLUMN xid SET DEFAULT pg_current_xact_id()",
                "ALTER TABLE labeling_withdrawal ALTER COLUMN xid TYPE xid8 USING xid::text::xid8, "
                "ALTER COLUMN xid SET DEFAULT pg_current_xact_id()",
                *(
                    f"ALTER TABLE labeling_{table} SET (fillfactor = 50, "
                    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)"
                    for table in ("lane", "seat", "place")
                ),
                "ALTER TABLE labeling_assignment SET (autovacuum_vacuum_scale_factor = 0.01, "
                "autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0, "
                "autovacuum_analyze_scale_factor = 0.02)",
            ],
            reverse_sql=migrations.RunSQL.noop,
        ),
    ]
