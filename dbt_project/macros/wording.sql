{# The sentences of the reports, in both languages. What decides is decided in the models; here it is only said. #}

{#
  A number with two decimals, or none where these are zeros, as the language writes it. Beside a mark (its target, its maximum)
  it gets more, up to six, where two would show it as the mark or beyond it; what six do not tell from the mark is shown one
  millionth off, on its side.
#}
{% macro number_text(language, value, mark=none) -%}
    {%- if mark is none -%}
        {%- set text = 'cast(cast(' ~ value ~ ' as decimal(38, 2)) as string)' -%}
    {%- else -%}
        {%- set side = 'sign(' ~ value ~ ' - ' ~ mark ~ ')' -%}
        {%- set choices = [] -%}
        {%- for decimals in range(2, 7) -%}
            {%- set rounded = 'cast(' ~ value ~ ' as decimal(38, ' ~ decimals ~ '))' -%}
            {%- do choices.append(
                'when coalesce(sign(' ~ rounded ~ ' - ' ~ mark ~ ') = ' ~ side ~ ', true) then cast(' ~ rounded ~ ' as string)'
            ) -%}
        {%- endfor -%}
        {%- set beside = 'cast(cast(' ~ mark ~ ' + ' ~ side ~ ' * 0.000001 as decimal(38, 6)) as string)' -%}
        {%- set text = 'case ' ~ choices | join(' ') ~ ' else ' ~ beside ~ ' end' -%}
    {%- endif -%}
    {%- set text = "regexp_replace(" ~ text ~ ", '[.]0+$', '')" -%}
    {{ return("replace(" ~ text ~ ", '.', ',')" if language == 'vi' else text) }}
{%- endmacro %}

{# A day or moment that is text already, to the minute: 18/11/2024 10:00 in Vietnamese, 2024-11-18 10:00 in English. #}
{% macro moment_text(language, value) -%}
    {%- set english = 'substr(' ~ value ~ ', 1, 16)' -%}
    {%- set vietnamese = "substr(" ~ value ~ ", 9, 2) || '/' || substr(" ~ value ~ ", 6, 2) || '/' || substr(" ~ value
        ~ ", 1, 4) || substr(" ~ value ~ ", 11, 6)" -%}
    {{ return(vietnamese if language == 'vi' else english) }}
{%- endmacro %}

{% macro whole_number_text(language, value) -%}
    {{ return(grouped_text(value) if language == 'vi' else 'cast(cast(' ~ value ~ ' as decimal(38, 0)) as string)') }}
{%- endmacro %}

{# Said where nobody has to deliver: in the status and in what wins points back. #}
{% macro nothing_to_count_text(language) -%}
    {{ return("'Chưa đến kỳ tính, hoặc chưa phát sinh trường hợp nào'" if language == 'vi' else "'Nothing to count yet'") }}
{%- endmacro %}

{# Why a target has its status; reads reason, value, numerator and the like of rpt_scorecard. #}
{% macro status_reason(language) -%}
    {%- set value = number_text(language, 'value', 'target_value') -%}
    {#- As people write it: none for what has to be reached exactly. -#}
    {%- set goal = "case operator when '>=' then '≥ ' when '<=' then '≤ ' when '=' then '' else operator || ' ' end || "
        ~ number_text(language, 'target_value') -%}
    {%- set projected = number_text(language, 'projected_value', 'target_value') -%}
    {#- A figure without a pace has no projection, and says nothing of it. -#}
    {%- set ahead = "coalesce('" ~ ("; dự kiến cuối năm " if language == 'vi' else "; at the recent pace it ends the year at ")
        ~ "' || " ~ projected ~ " || '" ~ ("%" if language == 'vi' else " %") ~ "', '')" -%}
    {%- set margin = number_text(language, 'abs(value - target_value)', '0') -%}
    {%- set floor = number_text(language, 'alarm_floor') -%}
    {%- set last_day = "coalesce(" ~ moment_text(language, 'cast(level_last_day as string)') ~ ", '?')" -%}
    {%- set done = whole_number_text(language, 'numerator') ~ " || '/' || " ~ whole_number_text(language, 'denominator') -%}
    {%- set to_come = whole_number_text(language, 'agencies_to_come') -%}
    {%- set percent = "case when measure_kind = 'percent' then '" ~ ('%' if language == 'vi' else ' %') ~ "' else '' end" -%}
    {#- Where no verdict gives the points, something else does. -#}
    {%- set earned = "case rule_kind when 'achieved' then '"
        ~ ("; điểm theo xác nhận trong sổ theo dõi tiêu chí" if language == 'vi' else "; points by what the register confirms")
        ~ "' when 'survey' then '" ~ ("; điểm theo kết quả điều tra" if language == 'vi' else "; points by the survey")
        ~ "' else '' end" -%}
    {%- if language == 'vi' -%}
        {%- set texts = {
            'level_ended': "'Cấp này không còn đơn vị nào sau ngày ' || " ~ last_day ~ " || '; không đánh giá nữa'",
            'level_unknown': "'Danh mục đơn vị không có đơn vị nào của cấp này'",
            'nothing_delivered': "'Chưa có số liệu năm nay từ nguồn ' || source_vi",
            'not_enough': "'Chưa đủ số liệu từ nguồn ' || source_vi || ': cần cả số năm nay và số để so sánh (mẫu số, năm gốc)'",
            'nothing_to_count': nothing_to_count_text('vi'),
            'no_verdict': "'Kế hoạch không nêu mức phải đạt bằng con số; số đo chỉ để tham khảo' || " ~ earned,
            'months_differ': "'Chưa kết luận được: mới tính được ' || " ~ value ~ " || '%, mức phải đạt ' || " ~ goal ~ " || '%'",
            'agencies_to_come': "'Chưa kết luận được: ' || " ~ to_come ~ " || ' cơ quan có đơn vị sự nghiệp năm trước chưa gửi số liệu năm nay; mới tính được ' || " ~ value ~ " || " ~ percent ~ " || ', mức phải đạt ' || " ~ goal ~ " || " ~ percent,
            'year_not_over': "'Chưa kết luận được: số đến nay tăng trưởng ' || " ~ value ~ " || '% so với cả năm trước, mức phải đạt ' || " ~ goal ~ " || '%'",
            'no_budget_left': "'Đang đạt, nhưng đã dùng hết số hồ sơ được phép trễ'",
            'projected_below': "'Đang đạt, nhưng theo nhịp độ gần đây thì cuối năm còn ' || " ~ projected ~ " || '%, mức phải đạt ' || " ~ goal ~ " || '%'",
            'thin_margin': "'Đang đạt, nhưng chỉ cách mức phải đạt ' || " ~ margin ~ " || ' điểm phần trăm'",
            'above_alarm_line': "'Chưa đạt: ' || " ~ value ~ " || '%, mức phải đạt ' || " ~ goal ~ " || '%; còn trên ngưỡng cảnh báo ' || " ~ floor ~ " || '%' || " ~ ahead,
            'on_pace': "'Chưa đạt, nhưng theo nhịp độ từ đầu năm thì đến ngày 31/12 sẽ đạt'",
            'met': "'Đạt'",
            'text': "'Chưa đạt: mới có ' || " ~ done ~ " || ' cơ quan báo cáo xác nhận hoàn thành'",
            'above': "'Không khớp: ' || " ~ value ~ " || " ~ percent ~ " || ', cao hơn mức phải đạt ' || " ~ goal ~ " || " ~ percent ~ " || '; cần kiểm tra số liệu'",
            'missed': "'Chưa đạt: ' || " ~ value ~ " || " ~ percent ~ " || ', mức phải đạt ' || " ~ goal ~ " || " ~ percent,
        } -%}
    {%- else -%}
        {%- set texts = {
            'level_ended': "'No agency of this level is left after ' || " ~ last_day ~ " || '; no longer judged'",
            'level_unknown': "'The catalogue of agencies names none of this level'",
            'nothing_delivered': "'No data of this year from source ' || source_en",
            'not_enough': "'Not enough data from source ' || source_en || ': both the number of this year and what it is compared with (denominator, base year) are needed'",
            'nothing_to_count': nothing_to_count_text('en'),
            'no_verdict': "'The plan gives no number to reach; measured for information' || " ~ earned,
            'months_differ': "'Not to be told yet: ' || " ~ value ~ " || ' %, the target is ' || " ~ goal ~ " || ' %'",
            'agencies_to_come': "'Not to be told yet: of ' || " ~ to_come ~ " || ' agencies that had service units last year those of this year are missing; so far ' || " ~ value ~ " || " ~ percent ~ " || ', the target is ' || " ~ goal ~ " || " ~ percent,
            'year_not_over': "'Not to be told yet: growth of the year so far against the whole of last year is ' || " ~ value ~ " || ' %, the target is ' || " ~ goal ~ " || ' %'",
            'no_budget_left': "'Met, but all the late dossiers that are allowed are used up'",
            'projected_below': "'Met, but at the recent pace it ends the year at ' || " ~ projected ~ " || ' %, the target is ' || " ~ goal ~ " || ' %'",
            'thin_margin': "'Met, but only ' || " ~ margin ~ " || ' percentage points from the target'",
            'above_alarm_line': "'Not met: ' || " ~ value ~ " || ' %, the target is ' || " ~ goal ~ " || ' %; still above the alarm line of ' || " ~ floor ~ " || ' %' || " ~ ahead,
            'on_pace': "'Not met yet, but at the pace since 1 January it will be by 31 December'",
            'met': "'Met'",
            'text': "'Missed: ' || " ~ done ~ " || ' reporting agencies confirm it done'",
            'above': "'Does not match: ' || " ~ value ~ " || " ~ percent ~ " || ' is above the target of ' || " ~ goal ~ " || " ~ percent ~ " || '; check the numbers'",
            'missed': "'Missed: ' || " ~ value ~ " || " ~ percent ~ " || ', the target is ' || " ~ goal ~ " || " ~ percent,
        } -%}
    {%- endif -%}
    case
        when reason = 'missed' and measure_kind = 'text' then {{ texts['text'] }}
        {#- Everything and more: it need not be the office that falls short. #}
        when reason = 'missed' and operator = '=' and value > target_value then {{ texts['above'] }}
        {#- These are made of two numbers each: whoever has sent one is not told to send it again. #}
        when reason = 'nothing_delivered' and family in ('yearly_numbers', 'revenue', 'service_units') then {{ texts['not_enough'] }}
        {%- for reason, text in texts.items() if reason not in ('text', 'not_enough', 'above') %}
        when reason = '{{ reason }}' then {{ text }}
        {%- endfor %}
    end
{%- endmacro %}

{#
  How many months stand against how many, where a figure compares years of which not the same months have come; where as many
  have, but not the same of them, how much either year lacks.
#}
{% macro months_compared(language) -%}
    {%- set now, before = whole_number_text(language, 'months_counted'), whole_number_text(language, 'months_compared_with') -%}
    {%- set lacks, lacked = whole_number_text(language, 'missing_this_year'), whole_number_text(language, 'missing_last_year') -%}
    {%- if language == 'vi' -%}
        {%- set months = "'; số thu ' || " ~ now ~ " || ' tháng năm nay so với ' || " ~ before ~ " || ' tháng năm trước'" -%}
        {%- set gaps = "'; số thu thiếu theo tháng và khu vực: năm nay ' || " ~ lacks ~ " || ', năm trước ' || " ~ lacked -%}
    {%- else -%}
        {%- set months = "'; revenue of ' || " ~ now ~ " || ' months of this year against ' || " ~ before ~ " || ' of last year'" -%}
        {%- set gaps = "'; revenue missing, by month and sector: ' || " ~ lacks ~ " || ' of this year, ' || " ~ lacked
            ~ " || ' of last year'" -%}
    {%- endif -%}
    case
        when months_counted <> months_compared_with then {{ months }}
        when missing_this_year + missing_last_year > 0 then {{ gaps }}
        else ''
    end
{%- endmacro %}

{# What wins points back; reads regain_status, status_code, units_needed and the units of rpt_points_to_regain. #}
{% macro regain_text(language) -%}
    {%- set units = whole_number_text(language, 'units_needed') ~ " || ' ' || unit_" ~ language -%}
    {%- set step = number_text(language, '(points_then - points_estimated)', 0) -%}
    {%- if language == 'vi' -%}
        {%- set texts = {
            'fewer': "'Cần giảm ' || " ~ units,
            'more': "'Cần thêm ' || " ~ units,
            'further': "'Trường hợp đã trễ hoặc chưa đạt không khắc phục được; cần thêm ' || " ~ units ~ " || ' và không phát sinh thêm trường hợp chưa đạt'",
            'no_data': "'Chưa có số liệu: cơ quan chủ trì cần cung cấp số liệu để được tính điểm'",
            'no_word': "'Chưa có xác nhận của cơ quan chủ trì trong sổ theo dõi tiêu chí nên chưa được tính điểm'",
            'months_differ': "'Chưa kết luận được: chờ số thu của các tháng còn thiếu'",
            'agencies_to_come': "'Chưa kết luận được: chờ số liệu năm nay về đơn vị sự nghiệp của các cơ quan chưa gửi'",
            'out_of_reach': "'Yêu cầu 100% mà đã có trường hợp không đạt, không khắc phục được: năm nay không thể đạt trọn điểm'",
            'level_ended': "'Cấp này không còn đơn vị nào: không lấy lại được'",
            'not_by_units': "'Không quy ra được số việc cần làm'",
            'next_step': "' (bậc kế tiếp: +' || " ~ step ~ " || ' điểm)'",
        } -%}
    {%- else -%}
        {%- set texts = {
            'fewer': units ~ " || ' fewer'",
            'more': "'Another ' || " ~ units,
            'further': "'What is past cannot be put right; another ' || " ~ units ~ " || ', with no further failure'",
            'no_data': "'No data: the lead agency has to supply them to earn the points'",
            'no_word': "'The lead agency has not confirmed it in the register, so it earns no points yet'",
            'months_differ': "'Not to be told yet: revenue of some months is still to come'",
            'agencies_to_come': "'Not to be told yet: the service units of this year of some agencies are still to come'",
            'out_of_reach': "'Every case has to succeed and what is past cannot be put right: not all points can be won back this year'",
            'level_ended': "'That level has no agencies any more: not to be won back'",
            'not_by_units': "'Not to be won back by things that can be counted'",
            'next_step': "' (the next step: +' || " ~ step ~ " || ' points)'",
        } -%}
    {%- endif -%}
    {#- Which wins back a part of what is lost. -#}
    {%- set next_step = "case when points_then < max_points - 0.000001 then " ~ texts['next_step'] ~ " else '' end" -%}
    case
        when regain_status = 'regainable' and operator in ('<=', '<') then {{ texts['fewer'] }} || {{ next_step }}
        when regain_status = 'regainable' and can_be_mended then {{ texts['more'] }} || {{ next_step }}
        when regain_status = 'regainable' then {{ texts['further'] }} || {{ next_step }}
        when regain_status = 'no_data' and status_code = 'nothing_to_count' then {{ nothing_to_count_text(language) }}
        {%- for waiting in waiting_codes() %}
        when regain_status = 'no_data' and status_code = '{{ waiting }}' then {{ texts[waiting] }}
        {%- endfor %}
        when regain_status = 'no_data' and value is not null then {{ texts['no_word'] }}
        when status_code = 'level_ended' then {{ texts['level_ended'] }}
        {%- for status in ['no_data', 'out_of_reach', 'not_by_units'] %}
        when regain_status = '{{ status }}' then {{ texts[status] }}
        {%- endfor %}
    end
{%- endmacro %}

{# What a finding says; reads kind, record_key, before and after of fct_integrity_signal. #}
{% macro signal_text(language) -%}
    {%- set before = moment_text(language, 'before') -%}
    {%- set after = moment_text(language, 'after') -%}
    {%- set place = " || coalesce(' (" ~ ("bảng" if language == 'vi' else "table") ~ " ' || before || ')', '')" -%}
    {%- if language == 'vi' -%}
        {%- set texts = {
            'due_moved_after_due': "'Ngày hẹn trả được dời từ ' || " ~ before ~ " || ' sang ' || " ~ after ~ " || ' sau khi đã quá hạn'",
            'second_reappointment': "'Hẹn lại quá một lần: từ ' || " ~ before ~ " || ' sang ' || " ~ after,
            'finish_backdated': "'Ngày kết thúc xử lý ' || " ~ after ~ " || ' có trước lần gửi dữ liệu mà khi đó hồ sơ còn đang xử lý'",
            'finish_rewritten': "'Ngày kết thúc xử lý bị sửa từ ' || " ~ before ~ " || ' thành ' || " ~ after,
            'finish_withdrawn': "'Trước đó báo đã kết thúc ngày ' || " ~ before ~ " || ', nay là chưa kết thúc, tạm dừng hoặc đã rút'",
            'acceptance_withdrawn': "'Trước đó báo đã tiếp nhận lúc ' || " ~ before ~ " || ', nay là chưa hoặc không được tiếp nhận nên không còn được tính'",
            'dossier_vanished': "'Hồ sơ có trong danh sách đầy đủ gửi trước đó (lần cuối ngày ' || " ~ before ~ " || '), nay không còn'",
            'due_longer_than_statute': "'Ngày hẹn trả ' || " ~ after ~ " || ' muộn hơn ngày cuối theo quy định ' || coalesce(" ~ before ~ ", '?')",
            'apology_too_late': "'Xin lỗi lúc ' || " ~ after ~ " || ', không trước ngày hẹn trả ' || " ~ before,
            'finished_outside_working_days': "'Kết thúc xử lý vào ngày nghỉ: ' || " ~ after,
            'code_date_mismatch': "'Mã hồ sơ ghi ' || before || ', ngày tiếp nhận là ' || after || ' (dạng năm tháng ngày, 6 chữ số)'",
            'unknown_agency': "'Mã đơn vị ' || after || ' không có trong danh mục'" ~ place,
            'unknown_procedure': "'Mã thủ tục ' || after || ' không có trong danh mục'" ~ place,
            'payment_without_plan': "'Khoản giải ngân cho dự án ' || after || ' không có kế hoạch vốn'",
            'unknown_target': "'Mã chỉ tiêu ' || after || ' không có trong kế hoạch: kết quả báo cáo không được tính'",
            'unknown_number': "'Mã số liệu ' || after || ' không có chỉ tiêu nào dùng: số đã giao không được tính'",
            'two_reporters': "'Chỉ tiêu ' || record_key || ' do một cơ quan báo cáo cho toàn tỉnh, nhưng cả ' || before || ' và ' || after || ' cùng báo cáo: bị cộng cả hai'",
        } -%}
    {%- else -%}
        {%- set texts = {
            'due_moved_after_due': "'The due date was moved from ' || " ~ before ~ " || ' to ' || " ~ after ~ " || ' after it had passed'",
            'second_reappointment': "'Put off more than once: from ' || " ~ before ~ " || ' to ' || " ~ after,
            'finish_backdated': "'Finish date ' || " ~ after ~ " || ' is earlier than a delivery that still showed the dossier open'",
            'finish_rewritten': "'The finish date was changed from ' || " ~ before ~ " || ' to ' || " ~ after,
            'finish_withdrawn': "'Delivered as finished on ' || " ~ before ~ " || ', now open, paused or withdrawn'",
            'acceptance_withdrawn': "'Delivered as accepted at ' || " ~ before ~ " || ', now not accepted, and so in no figure any more'",
            'dossier_vanished': "'In a full list before, last seen on ' || " ~ before ~ " || ', now gone'",
            'due_longer_than_statute': "'Due ' || " ~ after ~ " || ', later than the last lawful day ' || coalesce(" ~ before ~ ", '?')",
            'apology_too_late': "'Apology at ' || " ~ after ~ " || ', not before the due date ' || " ~ before,
            'finished_outside_working_days': "'Finished on a day off: ' || " ~ after,
            'code_date_mismatch': "'The code says ' || before || ', the receipt ' || after || ' (YYMMDD)'",
            'unknown_agency': "'Agency code ' || after || ' is in no catalogue'" ~ place,
            'unknown_procedure': "'Procedure code ' || after || ' is in no catalogue'" ~ place,
            'payment_without_plan': "'Payment for project ' || after || ' without a capital plan'",
            'unknown_target': "'Target ' || after || ' is not in the plan: what was reported is in no figure'",
            'unknown_number': "'No target is computed from the number ' || after || ': it is in no figure'",
            'two_reporters': "'Target ' || record_key || ' is reported by one office for the whole province, but both ' || before || ' and ' || after || ' report it: both are added up'",
        } -%}
    {%- endif -%}
    case kind
        {%- for kind, text in texts.items() %}
        when '{{ kind }}' then {{ text }}
        {%- endfor %}
    end
{%- endmacro %}
