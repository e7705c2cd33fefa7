"""Where the local AWS is truer to AWS than moto: one file for each rule, found by itself when the server starts."""
