#include <iostream>
#include <string>

std::string version();

int main() { std::cout << "libpq " << version() << "\n"; }
