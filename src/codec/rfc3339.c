/*-------------------------------------------------------------------------
 *
 * rfc3339.c
 *	  Times as RFC 3339 writes them.
 *
 * strptime() depends on the locale and timegm() is no part of any standard,
 * hence the calendar here.
 *
 *-------------------------------------------------------------------------
 */
#include "codec/rfc3339.h"

/* "2026-08-20T10:00:00" */
#define SECONDS_LENGTH 19

/* *count* digits as a number; -1: one of them is none. */
static int
read_digits(const char *text, size_t count)
{
	int			value = 0;

	for (size_t i = 0; i < count; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return -1;
		value = value * 10 + (text[i] - '0');
	}
	return value;
}

static bool
is_leap_year(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* Days from the first of January 1970 to a day, which may be earlier. */
static int64_t
days_since_1970(int year, int month, int day)
{
	int64_t		before = year - 1;
	int64_t		days = before * 365 + before / 4 - before / 100 + before / 400;

	for (int m = 1; m < month; m++)
		days += days_in_month(year, m);
	return days + day - 1 - 719162;
}

/* The fraction behind the seconds, if there is one; *at* moves behind it. */
static bool
read_fraction(const char *text, size_t length, size_t *at, int64_t *fraction)
{
	int64_t		unit = 100000;
	size_t		first;

	*fraction = 0;
	if (*at >= length || text[*at] != '.')
		return true;
	first = ++*at;
	for (; *at < length && text[*at] >= '0' && text[*at] <= '9'; ++*at)
	{
		*fraction += (text[*at] - '0') * unit;
		unit /= 10;
	}
	return *at > first;
}

/* "Z", or the offset from UTC in seconds; it must be the end. */
static bool
read_offset(const char *text, size_t length, int *offset)
{
	int			hours;
	int			minutes;

	*offset = 0;
	if (length == 1)
		return text[0] == 'Z' || text[0] == 'z';
	if (length != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
		return false;
	hours = read_digits(text + 1, 2);
	minutes = read_digits(text + 4, 2);
	if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	*offset = (hours * 60 + minutes) * (text[0] == '-' ? -60 : 60);
	return true;
}

bool
cs_rfc3339_decode(const char *text, size_t length, int64_t *microseconds)
{
	size_t		at = SECONDS_LENGTH;
	int64_t		fraction;
	int			offset;
	int			year;
	int			month;
	int			day;
	int			hour;
	int			minute;
	int			second;

	if (length <= SECONDS_LENGTH || text[4] != '-' || text[7] != '-' ||
		(text[10] != 'T' && text[10] != 't') || text[13] != ':' ||
		text[16] != ':')
		return false;
	year = read_digits(text, 4);
	month = read_digits(text + 5, 2);
	day = read_digits(text + 8, 2);
	hour = read_digits(text + 11, 2);
	minute = read_digits(text + 14, 2);
	second = read_digits(text + 17, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1 ||
		day > days_in_month(year, month) || hour < 0 || hour > 23 ||
		minute < 0 || minute > 59 || second < 0 || second > 60 ||
		!read_fraction(text, length, &at, &fraction) ||
		!read_offset(text + at, length - at, &offset))
		return false;
	*microseconds = ((days_since_1970(year, month, day) * 24 + hour) * 60 +
					 minute) * 60 + second - offset;
	*microseconds = *microseconds * 1000000 + fraction;
	return true;
}
