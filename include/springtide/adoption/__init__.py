"""From what a team has (autoscalers, cron scalers, annotations) to policies and a calendar that ask for the same."""
