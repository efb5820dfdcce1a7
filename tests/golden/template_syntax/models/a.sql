select *
from {{ ref("x" }}
