#include "roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file's lines, without their ends; the text stays for the program's life. */
static char **lines_of(const char *path, uint32_t *count) {
    FILE *file = fopen(path, "r");
    if (!file) die(2, "%s: %s", path, strerror(errno));
    char **lines = NULL, *line = NULL;
    size_t size = 0;
    ssize_t length;
    *count = 0;
    while ((length = getline(&line, &size, file)) > 0) {
        if (line[length - 1] == '\n') line[--length] = 0;
        if (!length) continue;
        if ((*count & (*count - 1)) == 0)
            lines = realloc(lines, sizeof *lines * (*count ? 2 * (size_t)*count : 1));
        if (!lines) die(1, "out of memory");
        lines[(*count)++] = strdup(line);
    }
    free(line);
    fclose(file);
    return lines;
}

/* The inside of `object`, a JSON object. */
static const char *inside(char *object, const char *path, uint32_t number) {
    object += strspn(object, " ");
    size_t length = strlen(object);
    while (length && object[length - 1] == ' ') length--;
    if (length < 2 || object[0] != '{' || object[length - 1] != '}')
        die(2, "%s:%u: not a JSON object", path, number + 1);
    object[length - 1] = 0;
    object += 1 + strspn(object + 1, " ");
    return object;
}

Roster roster_read(const char *path, const char *auth_file) {
    uint32_t count, auths = 0;
    char **lines = lines_of(path, &count);
    char **auth = auth_file ? lines_of(auth_file, &auths) : NULL;
    if (!count) die(2, "%s: no connections", path);
    Roster roster = {allocate(count, sizeof *roster.lines), count};
    for (uint32_t i = 0; i < count; i++) {
        char *rest = lines[i];
        const char *token = strsep(&rest, "\t"), *target = strsep(&rest, "\t");
        if (!target || !*token || !*target) die(2, "%s:%u: not TOKEN<tab>TARGET", path, i + 1);
        if (!rest && i < auths) rest = auth[i];
        roster.lines[i] = (Line){
            .token = token,
            .target = strcmp(target, "-") ? target : NULL,
            .auth = rest ? inside(rest, path, i) : "",
        };
    }
    free(lines);
    free(auth);
    return roster;
}

uint32_t roster_senders(const Roster *roster) {
    uint32_t senders = 0;
    for (uint32_t i = 0; i < roster->count; i++) senders += roster->lines[i].target != NULL;
    return senders;
}
