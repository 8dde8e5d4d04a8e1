"""What a person wants to see of services, runs and events: the same values for the command line, REST and pages."""
