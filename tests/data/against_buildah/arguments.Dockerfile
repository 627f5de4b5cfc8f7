ARG G=global
FROM scratch
ARG G
ARG X=dx
ARG Y=${X}y
ENV FG=$G FX=$X FY=$Y
ENV X=env
LABEL x=$X
ARG X=late
LABEL l=$X
