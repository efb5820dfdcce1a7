-- How soon a ticket is to be answered and resolved, by its issue: a list that people keep here.
select issue_type, first_response_minutes, resolution_minutes
from (values
    ('payment', 60, 1440),
    ('delivery', 240, 2880),
    ('refund', 240, 2880),
    ('account', 60, 1440),
    ('product', 480, 4320),
    ('technical', 120, 2880)
) as targets (issue_type, first_response_minutes, resolution_minutes)
