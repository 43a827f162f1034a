"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    position = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "cases",
        sa.Column("case_number", sa.String(40), nullable=False),
        sa.Column("stage", sa.String(40), nullable=False),
        sa.Column("handed_over_state", sa.String(40), nullable=False),
        sa.Column("task_number", sa.String(40)),
        sa.Column("filing_ordinal", sa.Integer(), nullable=False),
        sa.Column("rejections", sa.Integer(), nullable=False),
        sa.Column("sequence", position),
        sa.Column("hand_over_id", sa.String(100)),
        sa.Column("handed_over_at", moment),
        sa.Column("first_seen_at", moment),
        sa.Column("changed_at", moment),
        sa.Column("open_matters", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("case_number", name="pk_cases"),
        sa.UniqueConstraint("sequence", name="uq_cases_sequence"),
    )
    op.create_table(
        "deliveries",
        sa.Column("message_id", sa.String(100), nullable=False),
        sa.Column("case_number", sa.String(40), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("direction", sa.String(20), nullable=False),
        sa.Column("form_type", sa.String(40), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("header", sa.Text(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("admitted_at", moment, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("due_at", moment),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["case_number"], ["cases.case_number"], name="fk_deliveries_case_number_cases"),
    )
    op.create_index("ix_deliveries_case_number", "deliveries", ["case_number"])
    op.create_index("ix_deliveries_state", "deliveries", ["state"])
    op.create_index("ix_deliveries_due_at", "deliveries", ["due_at"])
    op.create_table(
        "attachments",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_attachments"),
    )
    op.create_table(
        "contents",
        sa.Column("position", position, nullable=False),
        sa.Column("content_key", sa.String(200), nullable=False),
        sa.Column("case_number", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_contents"),
        sa.UniqueConstraint("content_key", "case_number", name="uq_contents_content_key_case_number"),
    )
    op.create_table(
        "outbox",
        sa.Column("key", position, nullable=False),
        sa.Column("to", sa.String(20), nullable=False),
        sa.Column("header", sa.Text()),
        sa.Column("message_id", sa.String(100)),
        sa.Column("form", sa.Text()),
        sa.Column("receipt", sa.Text()),
        sa.Column("committed_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "journal",
        sa.Column("position", position, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("what", sa.String(60), nullable=False),
        sa.Column("case_number", sa.String(40)),
        sa.Column("message_id", sa.String(100)),
        sa.Column("party", sa.String(20)),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("envelope", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("position", name="pk_journal"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_case_number_position", "journal", ["case_number", "position"])
    op.create_table(
        "notices",
        sa.Column("position", position, nullable=False),
        sa.Column("duty", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("phase", sa.String(20), nullable=False),
        sa.Column("case_number", sa.String(40), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("related_case_number", sa.String(40)),
        sa.PrimaryKeyConstraint("position", name="pk_notices"),
    )
    op.create_table(
        "durable_values",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_durable_values"),
    )


def downgrade() -> None:
    """Take every table away."""
    for table in ("durable_values", "notices", "journal", "outbox", "contents", "attachments", "deliveries", "cases"):
        op.drop_table(table)
