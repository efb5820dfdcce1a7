"""Tickets and their messages, from MongoDB into two tables of PostgreSQL, as a data team writes it in Python.

Usage: copy_tickets.py URL SERVICES (see run.sh). One cursor in large batches, one COPY for each table, side by side.
"""

import json
import sys
import time

import psycopg
import pymongo

import postgres

TICKETS = """CREATE TABLE python_tickets (_id text, ticket_id bigint, user_id bigint, status text, issue_type text,
                                          created_at timestamptz, updated_at timestamptz)"""
MESSAGES = "CREATE TABLE python_messages (ticket__id text, position bigint, sender text, text text, at timestamptz)"


def main() -> None:
    url, services = sys.argv[1:3]
    begin = time.monotonic()
    collection = pymongo.MongoClient(url, tz_aware=True).get_default_database()["tickets"]
    warehouse = postgres.url(services)
    with psycopg.connect(warehouse) as tickets, psycopg.connect(warehouse) as messages:
        tickets.execute("DROP TABLE IF EXISTS python_tickets")
        tickets.execute(TICKETS)
        messages.execute("DROP TABLE IF EXISTS python_messages")
        messages.execute(MESSAGES)
        with (
            tickets.cursor().copy("COPY python_tickets FROM STDIN") as to_tickets,
            messages.cursor().copy("COPY python_messages FROM STDIN") as to_messages,
        ):
            for ticket in collection.find(batch_size=4000):
                key = str(ticket["_id"])
                to_tickets.write_row((
                    key, ticket.get("ticket_id"), ticket.get("user_id"), ticket.get("status"), ticket.get("issue_type"),
                    ticket.get("created_at"), ticket.get("updated_at"),
                ))
                for position, message in enumerate(ticket.get("messages", ())):
                    to_messages.write_row(
                        (key, position, message.get("sender"), message.get("text"), message.get("at"))
                    )
    seconds = time.monotonic() - begin
    with psycopg.connect(warehouse) as connection:
        rows = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in ("python_tickets", "python_messages")]
        connection.execute("DROP TABLE python_tickets, python_messages")
    print(json.dumps({"seconds": round(seconds, 3), "rows": rows}))


main()
