// libyaml: the parser behind the configuration files of the gateway and of the chaos runner.
#include <yaml.h>
