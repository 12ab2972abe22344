"""Quality of what came in: measures of each month, the promises that they are held to, and what is told of them."""
