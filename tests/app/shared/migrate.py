"""Brings the database up to date: python3 -m shared.migrate"""

from shared import documents

if __name__ == "__main__":
    documents.create_table()
