"""What one flow leaves for the next."""

from airflow.sdk import Asset

#: Files were taken from the depots and stand in the ledger.
SUBMISSIONS = Asset(name="siseri_submissions", uri="siseri://ledger/submissions")
#: Rows that had waited left the queue: measures changed.
RELEASED = Asset(name="siseri_released", uri="siseri://queue/released")
#: Files were integrated: references or measures changed.
WAREHOUSE = Asset(name="siseri_warehouse", uri="siseri://warehouse")
