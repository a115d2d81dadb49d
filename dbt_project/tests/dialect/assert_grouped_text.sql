-- Dots before each three digits, from the right; the sign stays in front.
with given as (
    select
        cast(value as decimal(38, 6)) as value,
        expected
    from (
        values
        (0, '0'),
        (999, '999'),
        (4820, '4.820'),
        (-1361117, '-1.361.117'),
        (1000000000000000, '1.000.000.000.000.000'),
        -- Ten thousand rows of the largest number that is read.
        (10001000000000000000, '10.001.000.000.000.000.000')
    ) as rows_given (value, expected)
)

select
    value,
    expected,
    {{ grouped_text('value') }} as actual
from given
where {{ grouped_text('value') }} is distinct from expected
