"""What a model answered: submissions, the queue, endpoints, reading, scoring. Imports only `data`."""
