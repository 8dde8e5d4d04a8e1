"""Proof before the next phase: are pods ready, who answers through the Service, and does the service do its work?"""
