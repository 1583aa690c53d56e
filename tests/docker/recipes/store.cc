// A library of the program's own, which needs PostgreSQL's.
#include <libpq-fe.h>

#include <string>

std::string version() { return std::to_string(PQlibVersion() / 10000); }
