/* What cppcheck must know of PostgreSQL's headers, which it does not read. */
#define foreach(cell, list) \
	for (cell = list_head(list); cell; cell = lnext(list, cell))
