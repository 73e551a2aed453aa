/*-------------------------------------------------------------------------
 *
 * render.c
 *	  JSON to the exact text a server would send, and growing text.
 *
 *-------------------------------------------------------------------------
 */
#include "simulator.h"

#include <stdlib.h>
#include <string.h>

void
cs_sim_text_add(CsSimText *text, const char *data, size_t length)
{
	if (text->length + length + 1 > text->size)
	{
		text->size = 2 * (text->length + length + 1);
		text->data = cs_sim_resize(text->data, text->size);
	}
	if (length > 0)				/* *data* may be NULL then */
		memcpy(text->data + text->length, data, length);
	text->length += length;
	text->data[text->length] = '\0';
}

void
cs_sim_text_printf(CsSimText *text, const char *format,...)
{
	va_list		arguments;
	char	   *piece;
	int			length;

	va_start(arguments, format);
	length = vasprintf(&piece, format, arguments);
	va_end(arguments);
	if (length < 0)
		cs_sim_fatal("out of memory");
	cs_sim_text_add(text, piece, (size_t) length);
	free(piece);
}

/* Append a string with its quotes, escaped as Boost does it. */
static void
render_string(CsSimText *text, const char *data, size_t length)
{
	static const char special[] = "\b\f\n\r\t/\"\\";
	static const char letters[] = "bfnrt/\"\\";

	cs_sim_text_add(text, "\"", 1);
	for (size_t i = 0; i < length; i++)
	{
		const char *found = data[i] != '\0' ? strchr(special, data[i]) : NULL;

		if (found != NULL)
		{
			char		escape[2] = {'\\', letters[found - special]};

			cs_sim_text_add(text, escape, 2);
		}
		else if ((unsigned char) data[i] < 0x20)
			cs_sim_text_printf(text, "\\u%04X", (unsigned char) data[i]);
		else
			cs_sim_text_add(text, data + i, 1);
	}
	cs_sim_text_add(text, "\"", 1);
}

/* A new line in pretty text, indented by *level*. */
static void
render_break(CsSimText *text, int level, CsSimLayout layout)
{
	static const char spaces[] = "                                        ";

	if (layout == CS_SIM_COMPACT)
		return;
	cs_sim_text_add(text, "\n", 1);
	for (int rest = level * 4; rest > 0; rest -= (int) sizeof(spaces) - 1)
		cs_sim_text_add(text, spaces, rest < (int) sizeof(spaces) ?
						(size_t) rest : sizeof(spaces) - 1);
}

static void render_value(CsSimText *text, json_object *value, int level,
						 CsSimLayout layout);

static void
render_object(CsSimText *text, json_object *value, int level,
			  CsSimLayout layout)
{
	bool		first = true;

	cs_sim_text_add(text, "{", 1);
	json_object_object_foreach(value, key, member)
	{
		if (!first)
			cs_sim_text_add(text, ",", 1);
		first = false;
		render_break(text, level + 1, layout);
		render_string(text, key, strlen(key));
		cs_sim_text_add(text, ": ", layout == CS_SIM_PRETTY ? 2 : 1);
		render_value(text, member, level + 1, layout);
	}
	render_break(text, level, layout);
	cs_sim_text_add(text, "}", 1);
}

static void
render_array(CsSimText *text, json_object *value, int level,
			 CsSimLayout layout)
{
	size_t		count = json_object_array_length(value);

	cs_sim_text_add(text, "[", 1);
	for (size_t i = 0; i < count; i++)
	{
		if (i > 0)
			cs_sim_text_add(text, ",", 1);
		render_break(text, level + 1, layout);
		render_value(text, json_object_array_get_idx(value, i), level + 1,
					 layout);
	}
	render_break(text, level, layout);
	cs_sim_text_add(text, "]", 1);
}

static void
render_value(CsSimText *text, json_object *value, int level,
			 CsSimLayout layout)
{
	const char *scalar = "null";
	size_t		length = 4;

	if (json_object_is_type(value, json_type_object) &&
		json_object_object_length(value) > 0)
		render_object(text, value, level, layout);
	else if (json_object_is_type(value, json_type_array) &&
			 json_object_array_length(value) > 0)
		render_array(text, value, level, layout);
	else
	{
		if (json_object_is_type(value, json_type_string))
		{
			scalar = json_object_get_string(value);
			length = (size_t) json_object_get_string_len(value);
		}
		else if (json_object_is_type(value, json_type_object) ||
				 json_object_is_type(value, json_type_array))
			length = 0;
		else if (value != NULL)
		{
			scalar = json_object_get_string(value);
			length = strlen(scalar);
		}
		render_string(text, scalar, length);
	}
}

void
cs_sim_render_tree(CsSimText *text, json_object *value, CsSimLayout layout)
{
	render_value(text, value, 0, layout);
	if (layout == CS_SIM_PRETTY)
		cs_sim_text_add(text, "\n", 1);
}
