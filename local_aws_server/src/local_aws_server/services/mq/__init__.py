"""Amazon MQ: lifecycle, validation and charges of brokers."""
