"""Account Management: what AWS shows of the account itself."""
