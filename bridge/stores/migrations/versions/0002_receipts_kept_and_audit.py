"""Receipts that changed nothing, and what people did."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables."""
    position = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "kept_receipts",
        sa.Column("position", position, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("given_by", sa.String(20), nullable=False),
        sa.Column("case_number", sa.String(40), nullable=False),
        sa.Column("standing", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_kept_receipts"),
    )
    op.create_index("ix_kept_receipts_case_number", "kept_receipts", ["case_number"])
    op.create_table(
        "audit",
        sa.Column("position", position, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("case_number", sa.Text()),
        sa.Column("message_id", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("before", sa.String(20)),
        sa.Column("after", sa.String(20)),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_audit"),
    )


def downgrade() -> None:
    """Take both tables away."""
    op.drop_table("audit")
    op.drop_table("kept_receipts")
