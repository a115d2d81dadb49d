-- Numbers and moments as text, digits of days and codes, one text in another: both languages, nulls, negative and long numbers.
{% set cases = [
    ('number_vi', number_text('vi', '1234.5'), "'1234,50'"),
    ('number_en', number_text('en', '-0.005'), "'-0.01'"),
    ('number_large', number_text('en', 'cast(1e20 as double)'), "'100000000000000000000'"),
    ('number_rounds_half_up', number_text('en', 'cast(0.125 as decimal(10, 3))'), "'0.13'"),
    ('number_null', number_text('vi', 'cast(null as double)'), 'null'),
    ('number_beside', number_text('vi', '98.9', '99'), "'98,90'"),
    ('number_is_its_mark', number_text('en', 'cast(99 as double)', 'cast(99 as double)'), "'99'"),
    ('number_below_its_mark', number_text('vi', 'cast(98.99608 as double)', 'cast(99 as double)'), "'98,996'"),
    ('number_above_its_mark', number_text('en', 'cast(10.00001 as double)', 'cast(10 as double)'), "'10.00001'"),
    ('number_nearest_below', number_text('en', 'cast(99.9999999 as double)', 'cast(100 as double)'), "'99.999999'"),
    ('number_nearest_above', number_text('en', 'cast(100.0000001 as double)', 'cast(100 as double)'), "'100.000001'"),
    ('number_beside_zero', number_text('en', 'cast(-0.000001 as double)', '0'), "'-0.000001'"),
    ('long_number_beside', number_text('en', 'cast(1234567890123.25 as double)', 'cast(1 as double)'), "'1234567890123.25'"),
    ('number_without_mark', number_text('en', 'cast(99.999 as double)', 'cast(null as double)'), "'100'"),
    ('null_beside', number_text('en', 'cast(null as double)', 'cast(99 as double)'), 'null'),
    ('number_keeps_its_zeros', number_text('en', '100.5'), "'100.50'"),
    ('number_zero', number_text('vi', '0'), "'0'"),
    ('whole_en', whole_number_text('en', 'cast(12345678901 as double)'), "'12345678901'"),
    ('whole_vi', whole_number_text('vi', 'cast(12345678901 as double)'), "'12.345.678.901'"),
    ('whole_null', whole_number_text('vi', 'cast(null as double)'), 'null'),
    ('moment_vi', moment_text('vi', "cast(cast('2024-11-18 10:05:30' as timestamp) as string)"), "'18/11/2024 10:05'"),
    ('moment_en', moment_text('en', "cast(cast('2024-11-18 10:05:30' as timestamp) as string)"), "'2024-11-18 10:05'"),
    ('day_vi', moment_text('vi', "cast(cast('2024-01-02' as date) as string)"), "'02/01/2024'"),
    ('moment_with_parts_of_a_second', "cast(cast('2024-01-02 03:04:05.120' as timestamp) as string)", "'2024-01-02 03:04:05.12'"),
    ('six_digits', six_digits("cast('2024-01-02' as date)"), "'240102'"),
    ('six_digits_of_moment', six_digits("cast('2024-01-02 03:04:05' as timestamp)"), "'240102'"),
    ('six_digits_of_code', six_digits_of_code("'000.00.18.H62-240105-0001'"), "'240105'"),
    ('no_six_digits_in_code', six_digits_of_code("'H62-2401-0001'"), "''"),
    ('text_order', "case when 'Đ' > 'Z' and 'Ấ' > 'A' and 'a' > 'Z' and 'Sở' < 'Sở Y' then 'bytes' end", "'bytes'"),
    ('text_length', "cast(length('Vĩnh Phúc') as string)", "'9'"),
    ('apostrophe', "'d''Ấn'", '"d" || chr(39) || "Ấn"' if target.type == 'spark' else "'d' || chr(39) || 'Ấn'"),
] %}
{% for name, actual, expected in cases %}
    select
        '{{ name }}' as name,
        {{ actual }} as actual,
        {{ expected }} as expected
    where {{ actual }} is distinct from {{ expected }}
    union all
{% endfor %}
select
    'contains_text' as name,
    cast(null as string) as actual,
    cast(null as string) as expected
where not (
    {{ contains_text("'Phúc'", "'Vĩnh Phúc'") }}
    and not {{ contains_text("'phúc'", "'Vĩnh Phúc'") }}
    and {{ contains_text("''", "'Vĩnh Phúc'") }}
    and {{ contains_text("'Vĩnh'", 'cast(null as string)') }} is null
)
